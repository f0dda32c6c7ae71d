import { readUrl } from '../url.ts'
import { z } from 'zod'
import { parseDuration, type Duration } from '../approval/duration.ts'
import { isTimeZone } from '../time-zone.ts'
import { isCron } from './cron.ts'
import { pauseSchema } from './pause-schema.ts'
import { rosterKinds, type RosterKind } from './source.ts'

const MAX_URL_LENGTH = 2_048
const MAX_SECRET_LENGTH = 8_192
const MAX_PAUSES = 100
const YEAR_SECONDS = 31_536_000
const NO_TIME = /^P(?=[\dT])(?:0+W)?(?:0+D)?(?:T(?=\d)(?:0+H)?(?:0+M)?(?:0+S)?)?$/

/** An absolute http or https URL without credentials, query or fragment. */
const baseUrl = z
  .string()
  .max(MAX_URL_LENGTH)
  .refine(isBaseUrl, 'It must be an http or https URL without credentials, query or fragment')
const callUrl = z.string().max(MAX_URL_LENGTH).refine(isHttpUrl, 'It must be an http or https URL')
const word = z.string().min(1).max(200)
const secret = z.string().min(1).max(MAX_SECRET_LENGTH)
const percent = z.number().min(0).max(100)
const timeZone = z.string().refine(isTimeZone, 'It must be a time zone such as America/Chicago')
const delay = z
  .string()
  .refine((text) => parseDelay(text) !== undefined, 'It must be an ISO 8601 duration: P30D')

/** How a source knows us. Members that are secret are write-only: `secretMembers`. */
export const sourceAuthSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: secret }),
  z.strictObject({
    type: z.literal('client_credentials'),
    clientId: word,
    clientSecret: secret,
    /** Lists the tokens of districts (`GET`, Basic). */
    tokenUrl: callUrl.default('https://clever.com/oauth/tokens'),
    districtId: word,
  }),
  z.strictObject({
    type: z.literal('oauth1'),
    consumerKey: word,
    consumerSecret: secret,
    signatureMethod: z.enum(['HMAC-SHA1', 'HMAC-SHA256']).default('HMAC-SHA256'),
  }),
  z.strictObject({
    type: z.literal('oauth2'),
    tokenUrl: callUrl,
    clientId: word,
    clientSecret: secret,
  }),
])
export type SourceAuth = z.output<typeof sourceAuthSchema>

/** How a target knows us. */
export const scimAuthSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: secret }),
])
export type ScimAuth = z.output<typeof scimAuthSchema>

/** The members of an `auth` that are never read back. */
export const secretMembers = ['token', 'clientSecret', 'consumerSecret'] as const

/** What is shown in the place of a secret; sent back, it keeps the one that is stored. */
export const secretMask = '********'

const authTypes: Readonly<Record<RosterKind, readonly SourceAuth['type'][]>> = {
  clever: ['bearer', 'client_credentials'],
  classlink: ['bearer', 'oauth1', 'oauth2'],
  oneroster: ['bearer', 'oauth1', 'oauth2'],
}

const schedule = z.union([
  z.strictObject({ everySeconds: z.int().min(1).max(YEAR_SECONDS) }),
  z.strictObject({
    cron: z.string().max(200).refine(isCron, 'It must be cron of five fields, such as 0 2 * * *'),
    timeZone: timeZone.optional(),
  }),
])

const userNameSource = z
  .string()
  .max(200)
  .regex(
    /^(email|districtUsername|sisId(@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)?)$/,
    'It must be email, districtUsername, sisId or sisId@<domain>',
  )

const mappings = z.strictObject({
  /** The first that gives a value names the person. */
  userName: z.array(userNameSource).min(1).max(10).default(['email', 'districtUsername']),
  onCollision: z.enum(['suffix', 'quarantine']).default('suffix'),
})

const guard = z.strictObject({
  /** Tripped by more than the larger of the two, of the active ones of a type, and of each school. */
  deactivations: z
    .strictObject({ atLeast: z.int().min(0).default(50), percent: percent.default(10) })
    .prefault({}),
  /** Tripped by more than this share of the active ones of a type. */
  updates: z.strictObject({ percent: percent.default(75) }).prefault({}),
  /** Tripped when a source lost more than this share of a type. */
  shrunk: z.strictObject({ percent: percent.default(50) }).prefault({}),
  /** Tripped when all people of a school leave while others come. */
  rekeyed: z.boolean().default(true),
  whileHeld: z.enum(['hold-all', 'apply-the-rest']).default('hold-all'),
})

const filters = z.strictObject({
  /** Who gets an account, by the source's names; absent: all but contacts and relatives. */
  roles: z.array(word).min(1).max(50).optional(),
})

const scim = z.strictObject({
  /** Absent: `TENANT_SERVICE_URL`, with `TENANT_SERVICE_TOKEN`. */
  baseUrl: baseUrl.optional(),
  auth: scimAuthSchema.optional(),
  adopt: z.enum(['externalId', 'userName']).default('externalId'),
  /** Written before every externalId, as it stands. */
  externalIdPrefix: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'It must be 1 to 64 of A–Z a–z 0–9 . _ : -')
    .optional(),
  /** How long after its deactivation an account is deleted; null: never. */
  deleteAfter: delay.nullable().default(null),
})

/** The members of a provider's settings, each by its own rule. */
export const providerDocument = z.strictObject({
  name: z.string().trim().min(1).max(200),
  kind: z.enum(rosterKinds),
  /** Of OneRoster; absent: as `baseUrl` says. */
  version: z.enum(['1.1', '1.2']).optional(),
  /** All before the name of a collection. */
  baseUrl,
  auth: sourceAuthSchema,
  /** Null: no runs by themselves; absent: every `DEFAULT_SYNC_INTERVAL`. */
  schedule: schedule.nullable().optional(),
  filters: filters.prefault({}),
  mappings: mappings.prefault({}),
  guard: guard.prefault({}),
  scim: scim.prefault({}),
  /** Of days, pauses and schedules. */
  timeZone: timeZone.default('UTC'),
  pauses: z.array(pauseSchema).max(MAX_PAUSES).default([]),
})

/** A provider's settings as they are sent, secrets among them. */
export const providerSchema = providerDocument.superRefine(judgeProvider)

/** Judges what concerns several members of a provider's settings. */
export function judgeProvider(provider: ProviderSettings, context: z.RefinementCtx): void {
  if (!authTypes[provider.kind].includes(provider.auth.type)) {
    const known = authTypes[provider.kind].join(', ')
    const message = `It must be one of ${known} for the kind ${provider.kind}`
    context.addIssue({ code: 'custom', path: ['auth', 'type'], message })
  }
  // The default's token goes to the default's address alone.
  if (provider.scim.baseUrl !== undefined && provider.scim.auth === undefined) {
    const message = 'It is needed with a base URL'
    context.addIssue({ code: 'custom', path: ['scim', 'auth'], message })
  }
}

/** A provider's settings; as they are stored and shown, with `secretMask` in the place of secrets. */
export type ProviderSettings = z.output<typeof providerDocument>

/** The version of OneRoster that a provider speaks: what is said, else what the base URL ends with. */
export function findOneRosterVersion({
  version,
  baseUrl: base,
}: Pick<ProviderSettings, 'version' | 'baseUrl'>): '1.1' | '1.2' {
  return version ?? (/\/v1p2\/?$/.test(base) ? '1.2' : '1.1')
}

/** An ISO 8601 duration, also one of nothing such as `P0D`; undefined for anything else. */
export function parseDelay(text: string): Duration | undefined {
  return parseDuration(text) ?? (NO_TIME.test(text) ? { weeks: 0, days: 0, ms: 0 } : undefined)
}

/** The name under which a provider's credential is kept: JSON of a `SourceAuth` or a `ScimAuth`. */
export function providerSecretName(providerId: string, end: 'auth' | 'scim'): string {
  return `roster.${providerId}.${end}`
}

function isHttpUrl(text: string): boolean {
  const url = /^https?:\/\/[^/?#\\@]+/i.test(text) ? readUrl(text) : undefined
  return url?.username === '' && url.password === ''
}

function isBaseUrl(text: string): boolean {
  if (!isHttpUrl(text)) return false
  return !/[?#\s]/.test(text)
}
