import { writeLine } from '../csv/write.ts'
import {
  licenseFieldNames,
  listRequiredFieldNames,
  type LicenseFieldName,
} from '../license/fields.ts'
import type { MutableRecord } from './licensee.ts'
import type { Random } from './random.ts'

type Fields = { [field in LicenseFieldName]?: string | undefined }

/** How a row of a sample is wrong. */
export type FaultKind =
  keyof typeof fieldFaults | keyof typeof shapeFaults | keyof typeof byteFaults

// Optional columns last: what a row with a line break leaves for the next line is no row by itself.
const optionalAtEnd: readonly LicenseFieldName[] = ['emailAddress', 'phoneNumber']

/** The columns of a sample, in the file's order. */
export const sampleColumns: readonly LicenseFieldName[] = [
  ...licenseFieldNames.filter((name) => !optionalAtEnd.includes(name)),
  ...optionalAtEnd,
]

const [firstRequired = 'ssn', ...otherRequired] = listRequiredFieldNames()
const dateFields = ['dateOfBirth', 'dateOfIssuance', 'dateOfExpiration'] as const
// Stands for a byte that no text has until the line is encoded.
const BYTE_MARK = '\u{E000}'

const fieldFaults = {
  'missing field': (_, random) => ({ [random.pick([firstRequired, ...otherRequired])]: '' }),
  'several missing fields': () => ({ givenName: '', homeAddressCity: '', dateOfBirth: ' ' }),
  'SSN without hyphens': ({ ssn }) => ({ ssn: ssn.replaceAll('-', '') }),
  'SSN with letters': ({ ssn }) => ({ ssn: ssn.replace(/\d$/, 'O') }),
  'NPI too short': () => ({ npi: '912345678' }),
  'license number too long': () => ({ licenseNumber: 'L'.repeat(101) }),
  'license type in capitals': ({ licenseType }) => ({ licenseType: licenseType.toUpperCase() }),
  'status not lower case': () => ({ licenseStatus: 'Active' }),
  'status name too long': () => ({ licenseStatusName: 'Active '.repeat(15) }),
  'eligibility not a choice': () => ({ compactEligibility: 'yes' }),
  'eligible but inactive': () => ({ licenseStatus: 'inactive', compactEligibility: 'eligible' }),
  'given name too long': () => ({ givenName: 'é'.repeat(101) }),
  'bell in the family name': ({ familyName }) => ({ familyName: `${familyName}\u0007son` }),
  'American date': (_, random) => ({ [random.pick(dateFields)]: '04/30/1986' }),
  'day that does not exist': (_, random) => ({ [random.pick(dateFields)]: '2023-02-30' }),
  'date without hyphens': (_, random) => ({ [random.pick(dateFields)]: '19840715' }),
  'week date': () => ({ dateOfRenewal: '2024-W05-1' }),
  'date with a time': () => ({ dateOfExpiration: '2029-04-30T00:00:00' }),
  'street too short': () => ({ homeAddressStreet1: '7' }),
  'city too long': () => ({ homeAddressCity: 'Llanfair'.repeat(13) }),
  'state too short': () => ({ homeAddressState: 'O' }),
  'postal code too short': () => ({ homeAddressPostalCode: '430' }),
  'postal code too long': () => ({ homeAddressPostalCode: '43004-12345' }),
  'e-mail without at sign': () => ({ emailAddress: 'someone.example.com' }),
  'e-mail with two dots': () => ({ emailAddress: 'some..one@example.com' }),
  'e-mail too long': () => ({ emailAddress: `${'a'.repeat(95)}@example.com` }),
  'phone without plus': () => ({ phoneNumber: '2025550123' }),
  'phone with hyphens': () => ({ phoneNumber: '+1-202-555-0123' }),
  'many faults at once': () => ({
    ssn: '123-45-678',
    licenseStatus: 'unknown',
    dateOfBirth: '1986-13-01',
    homeAddressPostalCode: '1',
    emailAddress: '@',
  }),
  'line break in a cell': ({ givenName }) => ({ givenName: `${givenName}\nAnn` }),
} as const satisfies Readonly<Record<string, (record: MutableRecord, random: Random) => Fields>>

const shapeFaults = {
  'two cells too many': (line) => `${line},surplus,cells`,
  'row cut short': (line) => line.split(',').slice(0, 5).join(','),
  'text behind a closing quote': (line) => line.replace(/^[^,]*/, '"$&" (?)'),
  'quote inside a plain cell': (line) => line.replace(/^[^,]*/, '$&"'),
  'quote never closed': (line) => line.replace(/^[^,]*/, '"$&'),
} as const satisfies Readonly<Record<string, (line: string) => string>>

const byteFaults = { 'Latin-1 byte': 0xe9, 'NUL byte': 0x00 } as const

/** The kinds that leave the file good UTF-8 text. */
export const textFaultKinds = [...keysOf(fieldFaults), ...keysOf(shapeFaults)]

/** All kinds, bad bytes included. */
export const allFaultKinds = [...textFaultKinds, ...keysOf(byteFaults)]

/** A row without faults as a line of the file. */
export function writeRow(fields: Fields): Uint8Array {
  return encode(writeFields(fields))
}

/** The same row, wrong in this way and in no other. */
export function writeFaultyRow(record: MutableRecord, kind: FaultKind, random: Random): Uint8Array {
  if (isKeyOf(fieldFaults, kind))
    return writeRow({ ...record, ...fieldFaults[kind](record, random) })
  if (isKeyOf(shapeFaults, kind)) {
    // Without quotes of its own a row can be cut anywhere.
    const { homeAddressStreet2: _, ...plain } = record
    return encode(`${shapeFaults[kind](writeFields(plain).trimEnd())}\r\n`)
  }
  const line = writeFields({ ...record, familyName: `${record.familyName}${BYTE_MARK}` })
  return replaceMark(encode(line), byteFaults[kind])
}

function writeFields(fields: Fields): string {
  return writeLine(sampleColumns.map((name) => fields[name] ?? ''))
}

function replaceMark(bytes: Uint8Array, byte: number): Uint8Array {
  const [first = 0] = encode(BYTE_MARK)
  const at = bytes.indexOf(first)
  return Uint8Array.from([...bytes.subarray(0, at), byte, ...bytes.subarray(at + 3)])
}

const encoder = new TextEncoder()

function encode(text: string): Uint8Array {
  return encoder.encode(text)
}

function isKeyOf<T extends object>(table: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(table, key)
}

function keysOf<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[] // its own keys
}
