/** Who makes a request, as the access token says it. */
export type Principal = {
  readonly issuer: string
  /** The token's `sub`: the actor in audit entries. */
  readonly subject: string
  readonly scopes: ReadonlySet<string>
  readonly tenant: string | undefined
  readonly publisher: string | undefined
}

/** A stable name for a principal across issuers, for limits and idempotency keys. */
export function principalKey(principal: Principal): string {
  return JSON.stringify([principal.issuer, principal.subject])
}

/** True when the principal holds at least one of these scopes. */
export function hasAnyScope(principal: Principal, scopes: readonly string[]): boolean {
  return scopes.some((scope) => principal.scopes.has(scope))
}
