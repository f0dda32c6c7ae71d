import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { createWebhookActivities, type WebhookActivities } from '../../activities/webhook.ts'
import { withFailures } from '../../activities/failures.ts'
import type { WebhookDeps } from '../../activities/webhook/webhook-deps.ts'
import { createHttpClient } from '../../connectors/http/client.ts'
import type { TemporalClient } from '../../connectors/temporal.ts'
import { AppError } from '../../core/errors.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import type { EndpointSecrets, WebhookSink } from '../../core/webhook/endpoint.ts'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import { createWebhookSecret } from '../../crypto/webhook-signature.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { secretsContext } from '../../db/webhook/endpoints.ts'
import { insertSubscription } from '../../db/webhook/subscriptions.ts'
import { createTestProfile, storeTestProfile, type StoredProfile } from './profiles.ts'
import type { ReceivedRequest } from './receiver.ts'
import { silentLog } from './temporal.ts'

/** Secret of the sinks of a test. */
export const SINK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export type WebhookFixture = {
  readonly deps: WebhookDeps
  readonly activities: WebhookActivities
  readonly subscribe: (subscription: TestSubscription) => Promise<{ id: string; secret: string }>
  readonly close: () => void
}

export type TestSubscription = {
  readonly url: string
  readonly events?: readonly string[]
  readonly attributes?: readonly string[]
  readonly scopes?: readonly string[]
  /** Those that sign beside the current one. */
  readonly previous?: EndpointSecrets['previous']
}

export type TestDelivery = {
  readonly id: string
  readonly endpoint_id: string
  readonly type: string
  readonly serial: number | null
  readonly state: string
  readonly attempts: number
  readonly error_code: string | null
  readonly body: string
}

/** A client of a server that is never there: what it should take stays in the outbox. */
export const awayTemporal = {
  call: async () => {
    throw new AppError('temporal_unavailable', 'Cannot reach Temporal', { status: 503 })
  },
} as unknown as TemporalClient // nothing else of it is used

/** A sink of kind webhook that may see everything. */
export function createTestSink(url: string, sink: Partial<WebhookSink> = {}): WebhookSink {
  return {
    name: 'partner',
    url,
    secret: SINK_SECRET,
    events: ['profile.*'],
    scopes: new Set(['read:fullprofile', 'display:all']),
    ...sink,
  }
}

/** The activities of webhooks on a test database; private addresses may be called. */
export function createWebhookFixture(
  db: Database,
  ring: KeyRing,
  overrides: Partial<WebhookDeps> = {},
): WebhookFixture {
  const http = createHttpClient({ allowPrivateTargets: true, log: silentLog })
  const cipher = createFieldCipher(ring)
  const deps: WebhookDeps = {
    db,
    temporal: awayTemporal,
    http,
    cipher,
    sinks: [],
    compacts: defaultCompacts,
    publicUrl: 'https://registrar.example',
    log: silentLog,
    ...overrides,
  }
  return {
    deps,
    activities: withFailures(createWebhookActivities(deps), (error) => {
      process.stderr.write(`Unexpected failure: ${String(error)}\n`)
    }),
    async subscribe({ url, events = ['profile.*'], attributes, scopes, previous = [] }) {
      const id = randomUUID()
      const secret = createWebhookSecret()
      const secrets: EndpointSecrets = { current: secret, previous }
      const subscription = {
        id,
        owner: '["test","owner"]',
        url,
        events,
        attributes,
        scopes: scopes ?? ['read:fullprofile', 'display:all'],
        tenant: undefined,
        secretsCipher: cipher.encrypt(JSON.stringify(secrets), secretsContext(id)),
      }
      await withTransaction(
        db,
        async (tx) => await insertSubscription(tx, subscription, { maxPerOwner: 1_000 }),
      )
      return { id, secret }
    },
    close: () => http.close(),
  }
}

/** A new person with their first change, of which the sink `partner` is to hear. */
export async function storeSinkPerson(db: Database, seed: number): Promise<StoredProfile> {
  const profile = createTestProfile({ seed, userId: `ad|Mozilla-LDAP|person${seed}` })
  const person = await storeTestProfile(db, profile)
  await db.query(`update profile_changes set sinks = '{partner}' where serial = $1`, [
    person.serial,
  ])
  return person
}

/** Every delivery, in the order of the queues. */
export async function listAllDeliveries(db: Database): Promise<TestDelivery[]> {
  const { rows } = await db.query<TestDelivery>(
    `select id, endpoint_id, type, serial, state, attempts, error_code, body
       from webhook_deliveries order by position`,
  )
  return rows
}

/** What a request says, after the official library has verified it. */
export function verifyRequest(request: ReceivedRequest | undefined, secret: string): unknown {
  if (!request) throw new Error('Cannot verify a request that never came')
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  return new Webhook(secret).verify(request.body, headers)
}

/** The id of the endpoint of a configured sink. */
export async function getSinkEndpointId(db: Database, name = 'partner'): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    'select id from webhook_endpoints where name = $1',
    [name],
  )
  return rows[0]?.id ?? ''
}
