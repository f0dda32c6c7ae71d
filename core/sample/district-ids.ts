import type { RosterCollection } from '../roster/record.ts'
import { createRandom } from './random.ts'

type Numbering = {
  readonly kind: 'clever' | 'oneroster'
  readonly seed: number
}

const PREFIXES: Readonly<Record<RosterCollection, readonly [hex: string, letter: string]>> = {
  schools: ['50', 's'],
  terms: ['51', 't'],
  courses: ['52', 'c'],
  sections: ['53', 'k'],
  users: ['54', 'u'],
  enrollments: ['55', 'e'],
}
// What systems append to ids, and what then has to be escaped somewhere.
const SUFFIXES = ['', '', '', '|x', '', '', '/b', '', '', ' c', '', '', '%2F', '']

/**
 * The id of a collection's record `number` of a school: 24 hexadecimal digits as Clever's are, or an
 * OneRoster id of any form, some with `|`, `/`, `%` and spaces.
 */
export function createId(
  district: Numbering,
  collection: RosterCollection,
  { school, number }: { readonly school: number; readonly number: number },
): string {
  const [hex, letter] = PREFIXES[collection]
  if (district.kind === 'oneroster') {
    const suffix = SUFFIXES[number % SUFFIXES.length] ?? ''
    return `${letter}${pad(school, 4)}-${pad(number, 6)}${suffix}`
  }
  const seed = createRandom('district id', district.seed).int(0x1000000)
  return `${hex}${toHex(seed, 6)}${toHex(school, 6)}${toHex(number, 10)}`
}

/** The id of an enrollment: Clever has none, so that it is of section, person and role. */
export function createEnrollmentId(
  { kind }: Numbering,
  {
    sectionId,
    userId,
    role,
  }: { readonly sectionId: string; readonly userId: string; readonly role: string },
): string {
  if (kind === 'clever') return `${sectionId}:${userId}:${role}`
  return `e${sectionId.slice(1)}+${userId}`
}

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, '0')
}

function toHex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}
