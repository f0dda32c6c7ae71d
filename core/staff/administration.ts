import type { PermissionsChange, StaffPermissions } from './permissions.ts'

/** What an administrator may change in one compact: all of it, or some jurisdictions. */
export type Authority =
  | { readonly level: 'compact' }
  | { readonly level: 'jurisdictions'; readonly codes: readonly string[] }

/** The authority that scopes give in a compact; undefined: none. */
export function findAuthority(scopes: ReadonlySet<string>, compact: string): Authority | undefined {
  if (scopes.has(`${compact}/${compact}.admin`)) return { level: 'compact' }
  const [prefix, suffix] = [`${compact}/`, '.admin']
  const codes = [...scopes]
    .filter((scope) => scope.startsWith(prefix) && scope.endsWith(suffix))
    .map((scope) => scope.slice(prefix.length, -suffix.length))
  return codes.length === 0 ? undefined : { level: 'jurisdictions', codes }
}

/** True when the administrator may know of somebody: a compact's of all, others of whom they share a jurisdiction with. */
export function maySeeStaff(authority: Authority, permissions: StaffPermissions): boolean {
  if (authority.level === 'compact') return true
  return authority.codes.some((code) => Object.hasOwn(permissions.jurisdictions, code))
}

/** The jurisdictions that a change names, and that are not among these members. */
export function listInactive(change: PermissionsChange, members: readonly string[]): string[] {
  return Object.keys(change.jurisdictions ?? {}).filter((code) => !members.includes(code))
}

/** What a change asks for beyond the authority; undefined when it may be made. */
export function findExcess(authority: Authority, change: PermissionsChange): string | undefined {
  if (authority.level === 'compact') return undefined
  if (Object.keys(change.actions ?? {}).length > 0) return "the compact's own actions"
  const foreign = Object.keys(change.jurisdictions ?? {}).find(
    (code) => !authority.codes.includes(code),
  )
  return foreign === undefined ? undefined : `jurisdiction "${foreign}"`
}

/** True when a new user would hold something where the administrator sees it. */
export function grantsWithin(authority: Authority, change: PermissionsChange): boolean {
  if (authority.level === 'compact') return true
  return authority.codes.some((code) =>
    Object.values(change.jurisdictions?.[code]?.actions ?? {}).includes(true),
  )
}

/** True when the administrator may delete somebody whom they may see: nothing of theirs lies elsewhere. */
export function mayDeleteStaff(authority: Authority, permissions: StaffPermissions): boolean {
  if (authority.level === 'compact') return true
  const codes = Object.keys(permissions.jurisdictions)
  return permissions.actions.length === 0 && codes.every((code) => authority.codes.includes(code))
}
