import { z } from 'zod'
import type { SourceContents, SourceRow } from './source.ts'

const MIN_LOGINS = 2
const MAX_IDLE_MS = 31 * 86_400_000

const text = z.string().min(1)
const user = z.object({
  user_id: text,
  email: text.optional(),
  email_verified: z.boolean().optional(),
  given_name: z.string().optional(),
  family_name: z.string().optional(),
  logins_count: z.number().optional(),
  last_login: z.string().optional(),
  identities: z
    .array(z.object({ provider: z.string(), connection: z.string(), user_id: z.unknown() }))
    .optional(),
})

/** By prefix of the user id: where the provider's own id and e-mail stand. */
const IDENTITIES: ReadonlyMap<string, readonly [id: string, email: string]> = new Map([
  ['github', ['identities.github_id_v3', 'identities.github_primary_email']],
  ['google-oauth2', ['identities.google_oauth2_id', 'identities.google_primary_email']],
  [
    'oauth2|firefoxaccounts',
    ['identities.firefox_accounts_id', 'identities.firefox_accounts_primary_email'],
  ],
])

/**
 * What Auth0 says of one user. Who has logged in less than twice, not for 31 days or without a
 * verified e-mail is there, and nothing of them is taken.
 */
export function readAuth0User(value: unknown, now: Date): SourceRow {
  const parsed = user.safeParse(value)
  if (!parsed.success) return { fault: 'invalid_record', ...keyOf(value) }
  const { data } = parsed
  const key = data.user_id
  if (!isRegular(data, now)) return { key, isPassedOver: true }
  return { key, contents: createContents(data) }
}

/** When the user was last changed, RFC 3339; undefined where Auth0 does not say. */
export function findUpdatedAt(value: unknown): string | undefined {
  const parsed = z.object({ updated_at: z.iso.datetime() }).safeParse(value)
  return parsed.success ? parsed.data.updated_at : undefined
}

function isRegular(data: z.output<typeof user>, now: Date): boolean {
  const idleMs = now.getTime() - Date.parse(data.last_login ?? '')
  return (
    (data.logins_count ?? 0) >= MIN_LOGINS && idleMs <= MAX_IDLE_MS && data.email_verified === true
  )
}

function createContents(data: z.output<typeof user>): SourceContents {
  const email = data.email?.toLowerCase() ?? null
  const parts = data.user_id.split('|')
  const prefix = parts.slice(0, -1).join('|')
  const [idPath, emailPath] = IDENTITIES.get(prefix) ?? []
  return {
    user_id: data.user_id,
    login_method: data.identities?.[0]?.connection ?? prefix,
    active: true,
    primary_email: email,
    first_name: data.given_name ?? null,
    last_name: data.family_name ?? null,
    ...(idPath !== undefined && { [idPath]: parts.at(-1) ?? null }),
    ...(emailPath !== undefined && { [emailPath]: email }),
  }
}

function keyOf(value: unknown): { readonly key?: string } {
  const parsed = user.pick({ user_id: true }).safeParse(value)
  return parsed.success ? { key: parsed.data.user_id } : {}
}
