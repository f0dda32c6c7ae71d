import type { Compact } from '../license/compacts.ts'
import { foldName } from '../license/fold-name.ts'
import type { LicenseRecord } from '../license/record.ts'
import { createRandom, type Random } from './random.ts'
import {
  createNpi,
  createPhoneNumber,
  createSsn,
  spoilNpi,
  unsuspiciousPeople,
} from './synthetic-numbers.ts'
import {
  cities,
  familyNames,
  givenNames,
  mailDomains,
  secondLines,
  statusNames,
  streets,
} from './vocabulary.ts'

/** A board's register: which licensees there are depends on nothing else. */
export type Register = {
  readonly compact: Pick<Compact, 'abbreviation' | 'licenseTypes'>
  readonly jurisdiction: string
  readonly seed: number
}

export type MutableRecord = { -readonly [field in keyof LicenseRecord]: LicenseRecord[field] }

// Every twentieth licensee is also in the registers of the same seed of other jurisdictions.
const SHARED_EVERY = 20
const SHARED_PEOPLE = 400_000
const OWN_PEOPLE = unsuspiciousPeople - SHARED_PEOPLE

/** Licensee `index` (from 0) of a register, as its board would first upload it; entirely made up. */
export function createLicensee(register: Register, index: number): MutableRecord {
  const { compact, jurisdiction, seed } = register
  const holder = isSecondLicense(register, index) ? index - 1 : index
  const person = createPerson(numberOfPerson(register, holder))
  const random = createRandom(seed, compact.abbreviation, jurisdiction, 'license', index)
  const active = random.chance(0.93)
  const record: MutableRecord = {
    ...person,
    licenseType: licenseTypeOf(register, index),
    licenseStatus: active ? 'active' : 'inactive',
    compactEligibility: active && random.chance(0.85) ? 'eligible' : 'ineligible',
    ...createDates(random, person.dateOfBirth, active),
    ...createAddress(random, jurisdiction),
  }
  if (random.chance(0.95)) record.licenseNumber = createLicenseNumber(register, index)
  if (active && random.chance(0.3)) record.licenseStatusName = random.pick(statusNames)
  return record
}

// True for a licensee who is the one before, with a license of the compact's other type.
function isSecondLicense(register: Register, index: number): boolean {
  if (register.compact.licenseTypes.length < 2) return false
  return drawsSecond(register, index) && !drawsSecond(register, index - 1)
}

function drawsSecond({ seed, jurisdiction }: Register, index: number): boolean {
  return index > 0 && createRandom(seed, jurisdiction, 'second', index).chance(0.04)
}

function licenseTypeOf(register: Register, index: number): string {
  const { licenseTypes } = register.compact
  const second = isSecondLicense(register, index)
  const own = createRandom(register.seed, 'type', second ? index - 1 : index).int(
    licenseTypes.length,
  )
  return licenseTypes[(second ? own + 1 : own) % licenseTypes.length]?.name ?? ''
}

function numberOfPerson({ seed, jurisdiction, compact }: Register, index: number): number {
  const position = Math.floor(index / SHARED_EVERY)
  if (index % SHARED_EVERY === 0 && position < SHARED_PEOPLE) {
    const start = createRandom(seed, compact.abbreviation, 'shared').int(SHARED_PEOPLE)
    return (start + position) % SHARED_PEOPLE
  }
  const own = index - Math.min(position + 1, SHARED_PEOPLE)
  if (own >= OWN_PEOPLE) return unsuspiciousPeople + own - OWN_PEOPLE
  const start = createRandom(seed, compact.abbreviation, jurisdiction, 'own').int(OWN_PEOPLE)
  return SHARED_PEOPLE + ((start + own) % OWN_PEOPLE)
}

type Person = Pick<
  MutableRecord,
  | 'ssn'
  | 'npi'
  | 'givenName'
  | 'middleName'
  | 'familyName'
  | 'suffix'
  | 'dateOfBirth'
  | 'emailAddress'
  | 'phoneNumber'
>

// Who somebody is depends on their number alone: one person in the files of all boards.
function createPerson(number: number): Person {
  const random = createRandom('person', number)
  const givenName = random.pick(givenNames)
  const familyName = random.pick(familyNames)
  const person: Person = {
    ssn: createSsn(number),
    givenName,
    familyName,
    dateOfBirth: `${1945 + random.int(54)}-${createMonthAndDay(random)}`,
  }
  if (random.chance(0.4)) person.middleName = random.pick(givenNames)
  if (random.chance(0.03)) person.suffix = random.pick(['Jr.', 'Sr.', 'II', 'III', 'PhD'])
  if (random.chance(0.8)) person.npi = createNpi(random)
  if (person.npi !== undefined && random.chance(0.003)) person.npi = spoilNpi(person.npi)
  if (random.chance(0.85)) {
    const name = foldName(`${givenName}.${familyName}`).replaceAll(/[^a-z.]/g, '')
    const local = name.replaceAll(/\.+/g, '.')
    person.emailAddress = `${local}.${random.int(1000)}@${random.pick(mailDomains)}`
  }
  if (random.chance(0.8)) person.phoneNumber = createPhoneNumber(random)
  return person
}

type Dates = Pick<LicenseRecord, 'dateOfIssuance' | 'dateOfRenewal' | 'dateOfExpiration'>

function createDates(random: Random, dateOfBirth: string, active: boolean): Dates {
  const born = Number(dateOfBirth.slice(0, 4))
  const issued = born + 22 + random.int(Math.max(1, 2024 - born - 22))
  const monthAndDay = createMonthAndDay(random)
  const lapsed = !active || random.chance(0.03)
  const expires = lapsed ? Math.max(issued + 1, 2021 + random.int(4)) : 2028 + random.int(3)
  const dates = {
    dateOfIssuance: `${issued}-${monthAndDay}`,
    dateOfExpiration: `${expires}-${monthAndDay}`,
  }
  return expires - issued > 4 ? { ...dates, dateOfRenewal: `${expires - 2}-${monthAndDay}` } : dates
}

type Address = Pick<
  LicenseRecord,
  | 'homeAddressStreet1'
  | 'homeAddressStreet2'
  | 'homeAddressCity'
  | 'homeAddressState'
  | 'homeAddressPostalCode'
>

function createAddress(random: Random, jurisdiction: string): Address {
  const postalCode = String(10_000 + random.int(89_999))
  const extended = random.chance(0.1)
  const address = {
    homeAddressStreet1: `${1 + random.int(9_000)} ${random.pick(streets)}`,
    homeAddressCity: random.pick(cities),
    homeAddressState: jurisdiction,
    homeAddressPostalCode: extended ? `${postalCode}-${1_000 + random.int(8_999)}` : postalCode,
  }
  return random.chance(0.15)
    ? { ...address, homeAddressStreet2: random.pick(secondLines) }
    : address
}

function createLicenseNumber({ jurisdiction }: Register, index: number): string {
  return `${jurisdiction.toUpperCase()}-${String(index + 1).padStart(6, '0')}`
}

// Days up to 28 exist in every month.
function createMonthAndDay(random: Random): string {
  const [month, day] = [1 + random.int(12), 1 + random.int(28)]
  return `${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}
