import { isEmailAddress } from '../license/email-address.ts'
import type { RosterUser } from './record.ts'
import type { RosterRules } from './rules.ts'
import type { ScimPerson } from './target.ts'

/** A person but for what depends on others: a name that nobody else has, and the school's name. */
export type MappedPerson = {
  /** Undefined where no source of the list gives one. */
  readonly userName: string | undefined
  /** False: whoever this is gets no account, or loses the one there is. */
  readonly isWanted: boolean
  readonly person: Omit<ScimPerson, 'userName'>
}

// Of several roles, the one that says most; others come after these, as the source sorts them.
const TYPE_ORDER: readonly string[] = [
  'student',
  'teacher',
  'administrator',
  'district_admin',
  'staff',
  'aide',
]
const RELATIVES: ReadonlySet<string> = new Set(['contact', 'guardian', 'parent', 'relative'])

/** What a source's person becomes at the target, by the provider's rules. */
export function mapPerson(user: RosterUser, rules: RosterRules): MappedPerson {
  const email = user.email !== undefined && isEmailAddress(user.email) ? user.email : undefined
  return {
    userName: findUserName({ ...user, email }, rules.userName),
    isWanted: user.isEnabled && hasWantedRole(user, rules),
    person: {
      externalId: `${rules.externalIdPrefix}${user.id}`,
      name: {
        givenName: user.givenName,
        familyName: user.familyName,
        ...(user.middleName !== undefined && { middleName: user.middleName }),
      },
      displayName: `${user.givenName} ${user.familyName}`.trim(),
      emails: email === undefined ? [] : [{ value: email, primary: true }],
      active: true,
      userType: findUserType(user.roles),
      roles: user.roles.map((value) => ({ value })),
      enterprise: {
        ...(user.number !== undefined && { employeeNumber: user.number }),
        organization: rules.organization,
        ...(user.department !== undefined && { department: user.department }),
      },
    },
  }
}

function findUserName(
  user: Pick<RosterUser, 'districtUsername' | 'sisId'> & { readonly email: string | undefined },
  sources: readonly string[],
): string | undefined {
  for (const source of sources) {
    const name = readUserName(user, source)
    if (name !== undefined && name !== '') return name
  }
  return undefined
}

function readUserName(
  user: Parameters<typeof findUserName>[0],
  source: string,
): string | undefined {
  if (source === 'email') return user.email
  if (source === 'districtUsername') return user.districtUsername
  const domain = source.slice('sisId'.length)
  return user.sisId === undefined || user.sisId === '' ? undefined : `${user.sisId}${domain}`
}

function hasWantedRole({ roles }: RosterUser, rules: RosterRules): boolean {
  const wanted = rules.roles
  if (wanted) return roles.some((role) => wanted.includes(role))
  return !roles.some((role) => RELATIVES.has(role)) || roles.some((role) => !RELATIVES.has(role))
}

function findUserType(roles: readonly string[]): string {
  return TYPE_ORDER.find((type) => roles.includes(type)) ?? roles[0] ?? 'user'
}
