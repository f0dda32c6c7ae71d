import { foldText } from './fold-text.ts'
import { findNameFault } from './name-fault.ts'

// Logins that paths take for something else; nobody may have them.
const reservedLogins: ReadonlySet<string> = new Set([
  'register',
  'approve',
  'reject',
  'revoke',
  'authn',
  'authz',
])

const MAX_CHARACTERS = 64

/** The key under which a login is compared and found: NFC, case folded. */
export function loginKey(login: string): string {
  return foldText(login)
}

/** Why nobody may have this login, as a sentence; undefined for one that is right. */
export function findLoginFault(login: string): string | undefined {
  const fault = findNameFault(login, MAX_CHARACTERS)
  if (fault !== undefined) return fault
  return reservedLogins.has(loginKey(login)) ? 'It is reserved' : undefined
}
