import type { Logger } from 'pino'
import { listStaffScopes } from '../core/staff/scopes.ts'
import type { Queryable } from '../db/client.ts'
import { getStaffSubject } from '../db/staff/records.ts'
import type { Principal } from './principal.ts'

/** What staff records say of the subjects of tokens. */
export type StaffDirectory = {
  /** The principal with the scopes of its records; unchanged for a subject that has none. */
  readonly resolve: (principal: Principal) => Promise<Principal>
  /** The scopes that a subject's records give, none for a subject without; looked up anew. */
  readonly scopesOf: (userId: string) => Promise<readonly string[]>
  /** Lets a change of this user act at once in this process. */
  readonly forget: (userId: string) => void
}

export type StaffDirectoryOptions = {
  readonly db: Queryable
  readonly log: Logger
  readonly compacts: readonly { readonly abbreviation: string }[]
  readonly nowMs: () => number
  /** Told of every record that cannot be understood. */
  readonly onBroken: () => void
}

/** Undefined: no staff record. */
type StaffScopes = readonly string[] | undefined

// Permissions that were changed elsewhere act within 10 s, the time of a look-up included.
const KEPT_MS = 5_000
const MAX_KEPT = 5_000

/** Looks staff up and keeps what it found for some seconds. */
export function createStaffDirectory(options: StaffDirectoryOptions): StaffDirectory {
  const { nowMs } = options
  const known = new Map<
    string,
    { readonly scopes: Promise<StaffScopes>; readonly untilMs: number }
  >()
  const find = async (userId: string): Promise<StaffScopes> => {
    const kept = known.get(userId)
    if (kept && nowMs() < kept.untilMs) return await kept.scopes
    const scopes = findScopes(options, userId)
    known.delete(userId)
    known.set(userId, { scopes, untilMs: nowMs() + KEPT_MS })
    const oldest = known.size > MAX_KEPT ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
    // A look-up that failed must not be kept.
    scopes.catch(() => known.delete(userId))
    return await scopes
  }
  return {
    async resolve(principal) {
      const scopes = await find(principal.subject)
      return scopes === undefined ? principal : withStaffScopes(principal, scopes, options)
    },
    scopesOf: async (userId) => (await findScopes(options, userId)) ?? [],
    forget: (userId) => void known.delete(userId),
  }
}

async function findScopes(options: StaffDirectoryOptions, userId: string): Promise<StaffScopes> {
  const subject = await getStaffSubject(options.db, userId)
  if (subject.kind === 'unknown') return undefined
  if (subject.kind === 'deleted') return []
  const scopes = listStaffScopes(subject.records)
  if (scopes) return scopes
  options.onBroken()
  options.log.error(
    'a staff record cannot be understood: its user has no scopes until it is mended',
  )
  return []
}

// Without any scope left by the records, the token's other ones go as well: fail closed.
function withStaffScopes(
  principal: Principal,
  scopes: readonly string[],
  { compacts }: Pick<StaffDirectoryOptions, 'compacts'>,
): Principal {
  if (scopes.length === 0) return { ...principal, scopes: new Set() }
  const prefixes = compacts.map(({ abbreviation }) => `${abbreviation}/`)
  const others = [...principal.scopes].filter(
    (scope) => scope !== 'profile' && !prefixes.some((prefix) => scope.startsWith(prefix)),
  )
  return { ...principal, scopes: new Set([...others, ...scopes]) }
}
