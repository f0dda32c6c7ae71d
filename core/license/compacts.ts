import { z } from 'zod'
import { isTimeZone } from '../time-zone.ts'
import { isEmailAddress } from './email-address.ts'
import { isJurisdiction, jurisdictions } from './jurisdictions.ts'

export type LicenseType = {
  /** Exact and case-sensitive, as boards upload it. */
  readonly name: string
  readonly abbreviation: string
}

export type Compact = {
  readonly abbreviation: string
  readonly name: string
  readonly licenseTypes: readonly LicenseType[]
  /** Codes of the active member jurisdictions: only these take uploads. */
  readonly members: readonly string[]
  /** IANA time zones by jurisdiction, where they differ from the default. */
  readonly timeZones: Readonly<Record<string, string>>
  /** E-mail addresses by jurisdiction that get the digest of an upload. */
  readonly contacts: Readonly<Record<string, readonly string[]>>
}

export type Compacts = readonly Compact[]

// Fixed UTC−4 in the notation that both Intl and PostgreSQL read (the sign is POSIX's).
const defaultTimeZone = 'Etc/GMT+4'

/** The compacts of a deployment that names none; every jurisdiction is a member of each. */
export const defaultCompacts: Compacts = [
  createDefault('aslp', 'Audiology and Speech Language Pathology', {
    audiologist: 'aud',
    'speech-language pathologist': 'slp',
  }),
  createDefault('octp', 'Occupational Therapy', {
    'occupational therapist': 'ot',
    'occupational therapy assistant': 'ota',
  }),
  createDefault('coun', 'Counseling', { 'licensed professional counselor': 'lpc' }),
]

const jurisdictionCode = z.string().refine(isJurisdiction, 'is not a jurisdiction code')
const timeZone = z.string().refine(isTimeZone, 'is not an IANA time zone')
const contact = z.string().refine(isEmailAddress, 'is not an e-mail address')

const licenseType = z.strictObject({
  name: z.string().trim().min(1, 'is empty'),
  abbreviation: z.string().regex(/^[a-z]+$/, 'must be lower-case letters'),
})

const compactDocument = z.strictObject({
  name: z.string().trim().min(1, 'is empty').optional(),
  licenseTypes: z
    .array(licenseType)
    .min(1, 'is empty')
    .superRefine((types, context) => {
      reportRepeats(
        types.map(({ name }) => name),
        context,
      )
      reportRepeats(
        types.map(({ abbreviation }) => abbreviation),
        context,
      )
    }),
  members: z.array(jurisdictionCode).superRefine(reportRepeats).optional(),
  timeZones: recordOf(jurisdictionCode, timeZone).optional(),
  contacts: recordOf(jurisdictionCode, z.array(contact)).optional(),
})

// Scopes of compacts and of jurisdictions share a place, hence the length and the last rule.
const abbreviation = z
  .string()
  .regex(/^[a-z]{4,}$/, 'must be at least four lower-case letters')
  .refine((code) => !isJurisdiction(code), 'is a jurisdiction code')

const compactsDocument = recordOf(abbreviation, compactDocument).refine(
  (document) => Object.keys(document).length > 0,
  'names no compact',
)

/** Every fault of a `COMPACTS_FILE` document, as `"place": reason`; empty when it can be used. */
export function listCompactFaults(document: unknown): string[] {
  return compactsDocument.safeParse(document).error?.issues.map(describeIssue) ?? []
}

/** Compacts from a document without faults; absent members mean all jurisdictions. */
export function parseCompacts(document: unknown): Compacts {
  return Object.entries(compactsDocument.parse(document)).map(([code, compact]) => ({
    abbreviation: code,
    name: compact.name ?? code.toUpperCase(),
    licenseTypes: compact.licenseTypes,
    members: compact.members ?? jurisdictions,
    timeZones: compact.timeZones ?? {},
    contacts: compact.contacts ?? {},
  }))
}

/** The compact with this abbreviation, if it is configured. */
export function findCompact(compacts: Compacts, code: string): Compact | undefined {
  return compacts.find((compact) => compact.abbreviation === code)
}

/** True when the jurisdiction is an active member of the compact and so takes uploads. */
export function isMember(compact: Compact, jurisdiction: string): boolean {
  return compact.members.includes(jurisdiction)
}

/** Name of the time zone, readable by Intl and PostgreSQL, in which the jurisdiction's days end. */
export function timeZoneOf(compact: Compact, jurisdiction: string): string {
  return compact.timeZones[jurisdiction] ?? defaultTimeZone
}

/** Addresses that get the digest of the jurisdiction's uploads. */
export function contactsOf(compact: Compact, jurisdiction: string): readonly string[] {
  return compact.contacts[jurisdiction] ?? []
}

function createDefault(
  code: string,
  name: string,
  licenseTypes: Readonly<Record<string, string>>,
): Compact {
  return {
    abbreviation: code,
    name,
    licenseTypes: Object.entries(licenseTypes).map(([type, short]) => ({
      name: type,
      abbreviation: short,
    })),
    members: jurisdictions,
    timeZones: {},
    contacts: {},
  }
}

// zod's own record says nothing of a member whose name it refuses.
function recordOf<T>(name: z.ZodType<string>, member: z.ZodType<T>): z.ZodType<Record<string, T>> {
  return z.record(z.string(), z.unknown()).transform((record, context) => {
    const members = Object.entries(record).map(([key, value]) => {
      const named = name.safeParse(key).error?.issues.map(({ message }) => message) ?? []
      if (named.length > 0)
        context.addIssue({ code: 'custom', path: [key], message: named.join(', ') })
      const parsed = member.safeParse(value)
      for (const { path, message } of parsed.error?.issues ?? [])
        context.addIssue({ code: 'custom', path: [key, ...path], message })
      return [key, parsed.data] as const
    })
    return Object.fromEntries(
      members.flatMap(([key, data]) => (data === undefined ? [] : [[key, data]])),
    )
  })
}

function reportRepeats(values: readonly string[], context: z.RefinementCtx): void {
  for (const value of new Set(values.filter((item, index) => values.indexOf(item) !== index))) {
    context.addIssue({ code: 'custom', message: `repeats "${value}"` })
  }
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  const place = path.length === 0 ? 'document' : path.map(String).join('.')
  return `"${place}": ${message}`
}
