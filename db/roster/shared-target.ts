/** The SQL condition that provider `other` is another one of the tenant of `own`, and writes to the same target. */
export function sharesTarget(own: string, other: string): string {
  return `${other}.tenant = ${own}.tenant and ${other}.id <> ${own}.id
    and ${other}.removed_at is null and ${targetOf(other)} = ${targetOf(own)}`
}

function targetOf(provider: string): string {
  return `rtrim(coalesce(${provider}.settings -> 'scim' ->> 'baseUrl', ''), '/')`
}
