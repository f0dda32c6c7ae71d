import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { RosterKind } from '../core/roster/source.ts'
import { verifyWebhook } from '../crypto/webhook-signature.ts'
import { appendAudit } from '../db/audit.ts'
import { withTransaction } from '../db/client.ts'
import { isKnownTenant } from '../db/roster/providers.ts'
import { wakeRosterProvider } from '../db/roster/wake.ts'
import {
  findRosterWebhooks,
  listProvidersOfKind,
  rememberMessage,
  rosterWebhooksContext,
  type RosterWebhooks,
} from '../db/roster/webhooks.ts'
import { createHopReader } from './client-address.ts'
import type { ApiContext } from './context.ts'
import type { PathRequest } from './guard.ts'
import { isAllowed } from './ip-allowlist.ts'
import { throwNotFound } from './roster-access.ts'

const secretList = z.array(z.string())
const NO_ADDRESS = 'invalid'

/**
 * Refuses a webhook before its body is read: `not_found` (404) for a tenant that nobody knows,
 * `address_refused` (403), audited up to ten times a minute, for an address that the tenant lets not in.
 */
export async function assertWelcome(
  { params, stream, requestId }: PathRequest<{ readonly tenantId: string }>,
  { db, config, denials }: Pick<ApiContext, 'db' | 'config' | 'denials'>,
): Promise<void> {
  const tenant = params.tenantId
  if (!(await isKnownTenant(db, tenant))) return throwNotFound()
  const settings = await findRosterWebhooks(db, tenant)
  const address = createHopReader(config.http.trustedProxies)(stream)
  const allowlist = settings?.ipAllowlist ?? null
  if (address !== undefined && (allowlist === null || isAllowed(allowlist, address))) return
  const room = denials.take(tenant)
  const cause = { requestId, tenant, address: address ?? NO_ADDRESS }
  const entries = room ? [{ ...cause, ...(room.leftOut > 0 && room) }] : []
  await appendAudit(
    db,
    entries.map((entry) => ({
      actor: 'anonymous',
      action: 'roster-webhook.denied',
      subject: { type: 'roster-webhooks', id: tenant },
      cause: entry,
    })),
  )
  throw new AppError('address_refused', 'Cannot take this: your address is not let in', {
    status: 403,
  })
}

/** Throws `invalid_signature` (401) unless one of the tenant's secrets has signed; answers the id. */
export async function verifySender(
  { db, cipher, clock }: Pick<ApiContext, 'db' | 'cipher' | 'clock'>,
  received: Pick<Parameters<typeof verifyWebhook>[0], 'headers' | 'body'> & {
    readonly tenant: string
  },
): Promise<string> {
  const settings = await findRosterWebhooks(db, received.tenant)
  const secrets = settings ? openSecrets(cipher, settings) : []
  const id = verifyWebhook({ ...received, secrets, now: clock() })
  if (id !== undefined) return id
  throw new AppError(
    'invalid_signature',
    'Cannot take this: no secret of the tenant has signed it within the last five minutes',
    { status: 401, details: { headers: { 'WWW-Authenticate': 'Signature' } } },
  )
}

/** Wakes the tenant's providers of a kind, once for every message. */
export async function wakeProviders(
  { db, clock, handOver }: Pick<ApiContext, 'db' | 'clock' | 'handOver'>,
  message: {
    readonly tenant: string
    readonly kind: RosterKind
    readonly messageId: string
    readonly requestId: string
  },
): Promise<void> {
  const { tenant, kind, messageId: id, requestId } = message
  const queued = await withTransaction(db, async (tx) => {
    if (!(await rememberMessage(tx, { tenant, id }))) return []
    const started = []
    for (const providerId of await listProvidersOfKind(tx, { tenant, kind })) {
      started.push(...(await wakeRosterProvider(tx, { providerId, requestId, now: clock() })))
    }
    return started
  })
  // Not awaited: the relay takes what Temporal does not.
  for (const { id: queuedId, start } of queued) void handOver(queuedId, start)
}

/** A tenant's signing secrets. */
export function openSecrets(
  cipher: ApiContext['cipher'],
  { tenant, secretsCipher }: Pick<RosterWebhooks, 'tenant' | 'secretsCipher'>,
): string[] {
  const text = cipher.decrypt(secretsCipher, rosterWebhooksContext(tenant)).toString('utf8')
  return secretList.parse(JSON.parse(text))
}

/** The ciphertext of a tenant's signing secrets. */
export function sealSecrets(
  cipher: ApiContext['cipher'],
  tenant: string,
  secrets: readonly string[],
): Buffer {
  return cipher.encrypt(JSON.stringify(secrets), rosterWebhooksContext(tenant))
}
