import { z } from 'zod'
import { AppError, type FieldFault } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import {
  findRosterWebhooks,
  saveRosterWebhooks,
  type RosterWebhooks,
} from '../../db/roster/webhooks.ts'
import type { ApiContext } from '../context.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute, type Reply, type Route } from '../guard.ts'
import { findCidrFault } from '../ip-allowlist.ts'
import { DEFAULT_LIMIT_BYTES, readBody } from '../read-body.ts'
import { adminScope, NO_TENANT, readScope, tenantParams } from '../roster-access.ts'
import {
  assertWelcome,
  openSecrets,
  sealSecrets,
  verifySender,
  wakeProviders,
} from '../roster-webhooks.ts'

const tags = ['rosters', 'webhooks']
const path = '/tenants/{tenantId}/webhooks'
const MAX_SECRETS = 10
const MAX_CIDRS = 1_000
const MIN_SECRET_BYTES = 16
const MASK = 'whsec_********'
const FINGERPRINT_LENGTH = 8

const settingsSchema = z.object({
  secrets: z.array(z.string()).describe('Masked'),
  ipAllowlist: z.array(z.string()).nullable().describe('Null lets every address in, `[]` none'),
})
const settingsExample = { secrets: [`${MASK}1f3a90c2`], ipAllowlist: ['203.0.113.0/24'] }

const settingsBody = z.strictObject({
  secrets: z
    .array(
      z
        .string()
        .max(500)
        .refine(isSecret, `It must be whsec_ and at least ${MIN_SECRET_BYTES} bytes in base64`),
    )
    .max(MAX_SECRETS)
    .optional()
    .describe('Any of them may sign, so that they can be rotated; a masked one is kept'),
  ipAllowlist: z
    .array(z.string().max(100).superRefine(judgeCidr))
    .max(MAX_CIDRS)
    .nullable()
    .optional()
    .describe('Canonical CIDRs; null lets every address in, `[]` none'),
})

/** `GET /tenants/{tenantId}/webhooks`: who may wake the tenant's providers. */
export const getWebhookSettings = defineRoute(
  {
    method: 'GET',
    path,
    operationId: 'getRosterWebhooks',
    summary: "Who may wake a tenant's providers",
    tags,
    auth: readScope,
    params: tenantParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'The settings, secrets masked',
        schema: settingsSchema,
        example: settingsExample,
        headers: { ETag: 'Their version' },
      },
    },
    errors: { 404: NO_TENANT },
  },
  async ({ params }, context) =>
    await replyWith(context, await findRosterWebhooks(context.db, params.tenantId)),
)

/** `PUT /tenants/{tenantId}/webhooks`: in force at once. */
export const putWebhookSettings = defineRoute(
  {
    method: 'PUT',
    path,
    operationId: 'replaceRosterWebhooks',
    summary: "Says who may wake a tenant's providers",
    description:
      'In force at once. Secrets are read back masked; a masked one that is sent back is kept, and a ' +
      'member that is left out stays what it is.',
    tags,
    auth: adminScope,
    params: tenantParams,
    ofTenant: true,
    body: {
      kind: 'json',
      schema: settingsBody,
      example: {
        secrets: ['whsec_2vT0dXdQ0N2yqk0rG3r5k7vJc1hY0mB8aZ4eW6uS9pI='],
        ipAllowlist: settingsExample.ipAllowlist,
      },
    },
    responses: {
      200: {
        description: 'The settings as they are now',
        schema: settingsSchema,
        example: settingsExample,
        headers: { ETag: 'Their version' },
      },
    },
    errors: { 404: NO_TENANT, 412: 'They have changed since they were read' },
  },
  async ({ principal, params, body, headers, requestId }, context) => {
    const { db, cipher } = context
    const { tenantId: tenant } = params
    const before = await findRosterWebhooks(db, tenant)
    const ifMatch = headers['if-match']
    if (ifMatch !== undefined) assertIfMatch(ifMatch, createEtag(before?.version ?? 0))
    const known = before ? openSecrets(cipher, before) : []
    const secrets = body.secrets ? await unmask(context, body.secrets, known) : known
    const ipAllowlist =
      body.ipAllowlist === undefined ? (before?.ipAllowlist ?? null) : body.ipAllowlist
    const saved = await withTransaction(db, async (tx) => {
      const secretsCipher = sealSecrets(cipher, tenant, secrets)
      await appendAudit(tx, [
        {
          actor: principal.subject,
          action: 'roster-webhooks.changed',
          subject: { type: 'roster-webhooks', id: tenant },
          cause: { requestId, tenant },
        },
      ])
      return await saveRosterWebhooks(tx, { tenant, secretsCipher, ipAllowlist })
    })
    return await replyWith(context, saved)
  },
)

/** `POST /webhooks/{clever,classlink}/{tenantId}`: something has changed at the source. */
export const rosterWebhooks: readonly Route[] = [
  createReceiver('clever'),
  createReceiver('classlink'),
]

function createReceiver(kind: 'clever' | 'classlink'): Route {
  return defineRoute(
    {
      method: 'POST',
      path: `/webhooks/${kind}/{tenantId}`,
      operationId: `receive${kind === 'clever' ? 'Clever' : 'Classlink'}Webhook`,
      summary: `Wakes a tenant's providers of kind ${kind}`,
      description:
        'Signed as Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` ' +
        '`v1,base64(HMAC-SHA256(secret, id.timestamp.body))`, within five minutes. An incremental ' +
        'run is started, one for many messages; nothing of the body is taken over. An id that was ' +
        'taken before wakes nobody.',
      tags,
      auth: 'public',
      params: tenantParams,
      precondition: assertWelcome,
      body: {
        kind: 'stream',
        contentTypes: ['application/json'],
        anyContentType: true,
        description: 'Whatever was signed, up to 1 MiB',
      },
      responses: {
        202: {
          description: 'It is taken',
          schema: z.object({ accepted: z.literal(true) }),
          example: { accepted: true },
        },
      },
      errors: {
        401: 'No secret of the tenant has signed this in the last five minutes',
        403: 'The address is not let in',
        404: 'There is no such tenant',
        413: 'The body is over 1 MiB',
      },
    },
    async ({ params, headers, stream, requestId }, context) => {
      const { tenantId: tenant } = params
      const body = await readBody(stream, DEFAULT_LIMIT_BYTES)
      const messageId = await verifySender(context, { tenant, headers, body })
      await wakeProviders(context, { tenant, kind, messageId, requestId })
      return { status: 202, body: { accepted: true } }
    },
  )
}

async function replyWith(
  context: Pick<ApiContext, 'cipher' | 'hash'>,
  settings: RosterWebhooks | undefined,
): Promise<Reply> {
  const secrets = settings ? openSecrets(context.cipher, settings) : []
  const masked = await Promise.all(secrets.map(async (secret) => await mask(context, secret)))
  const allowlist = settings?.ipAllowlist ?? null
  return {
    status: 200,
    headers: { ETag: createEtag(settings?.version ?? 0) },
    body: { secrets: masked, ipAllowlist: allowlist && [...allowlist] },
  }
}

async function unmask(
  context: Pick<ApiContext, 'hash'>,
  given: readonly string[],
  known: readonly string[],
): Promise<string[]> {
  const byMask = new Map<string, string>()
  for (const secret of known) byMask.set(await mask(context, secret), secret)
  const faults: FieldFault[] = given.flatMap((secret, index) =>
    isMask(secret) && !byMask.has(secret)
      ? [{ pointer: `/secrets/${index}`, code: 'required', detail: 'It masks no stored secret' }]
      : [],
  )
  if (faults.length === 0) return given.map((secret) => byMask.get(secret) ?? secret)
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: { errors: faults },
  })
}

// So that one of several can be told from the others.
async function mask({ hash }: Pick<ApiContext, 'hash'>, secret: string): Promise<string> {
  const digest = (await hash())('roster-webhook-secret', secret).toString('hex')
  return `${MASK}${digest.slice(0, FINGERPRINT_LENGTH)}`
}

function isMask(text: string): boolean {
  return text.startsWith(MASK)
}

function isSecret(text: string): boolean {
  if (isMask(text)) return true
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  return base64 !== undefined && Buffer.from(base64, 'base64').length >= MIN_SECRET_BYTES
}

function judgeCidr(text: string, context: z.RefinementCtx): void {
  const fault = findCidrFault(text)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
}
