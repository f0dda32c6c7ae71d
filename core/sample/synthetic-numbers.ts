import type { Random } from './random.ts'

const AREAS_BELOW_666 = 665
const AREAS = 898
const SERIALS = 10_000
const PEOPLE = AREAS * SERIALS
// Shares no divisor with PEOPLE: neighbours get numbers that lie far apart.
const STRIDE = 3_999_971
const RESERVED_GROUPS = 100
const RESERVED_AREAS = 100

/** How many people have a number in an area that raises no warning. */
export const unsuspiciousPeople = PEOPLE

/**
 * The SSN of a person, a different one for each number up to 108 million. No such number was ever
 * issued: the group is 00, or beyond `unsuspiciousPeople` the area is 9xx.
 */
export function createSsn(person: number): string {
  if (person >= PEOPLE) return createReservedSsn(person - PEOPLE)
  const scattered = (person * STRIDE) % PEOPLE
  const index = Math.floor(scattered / SERIALS)
  const area = index < AREAS_BELOW_666 ? index + 1 : index + 2
  return formatSsn(area, 0, scattered % SERIALS)
}

/** An NPI with its check digit; it starts with 9, which no real one does. */
export function createNpi(random: Random): string {
  const digits = `9${String(random.int(1e8)).padStart(8, '0')}`
  return digits + luhnDigit(digits)
}

/** An NPI whose check digit is wrong. */
export function spoilNpi(npi: string): string {
  const last = Number(npi.slice(-1))
  return `${npi.slice(0, -1)}${(last + 1) % 10}`
}

/** A telephone number of the block that is kept for fiction. */
export function createPhoneNumber(random: Random): string {
  const area = 201 + random.int(780)
  return `+1${area}55501${String(random.int(100)).padStart(2, '0')}`
}

function createReservedSsn(index: number): string {
  const serial = index % SERIALS
  const group = Math.floor(index / SERIALS) % RESERVED_GROUPS
  const area = 900 + (Math.floor(index / SERIALS / RESERVED_GROUPS) % RESERVED_AREAS)
  return formatSsn(area, group, serial)
}

function formatSsn(area: number, group: number, serial: number): string {
  const [first, second, third] = [String(area), String(group), String(serial)]
  return `${first.padStart(3, '0')}-${second.padStart(2, '0')}-${third.padStart(4, '0')}`
}

// Over the prefix 80840, which adds 24 to the sum.
function luhnDigit(digits: string): number {
  let sum = 24
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[index])
    const weighted = index % 2 === 0 ? digit * 2 : digit
    sum += weighted > 9 ? weighted - 9 : weighted
  }
  return (10 - (sum % 10)) % 10
}
