import { z } from 'zod'
import { assertSuccess } from '../../connectors/http/answer.ts'
import { AppError } from '../../core/errors.ts'
import { formatApprovalDigestMail } from '../../core/approval/digest-mail.ts'
import { contactsOf, findCompact } from '../../core/license/compacts.ts'
import { formatDigestMail } from '../../core/license/digest-mail.ts'
import { CLOUD_EVENT_TYPE } from '../../core/webhook/cloud-event.ts'
import { approvalDigestEvent } from '../../core/webhook/events.ts'
import { listSigningSecrets, type EndpointSecrets } from '../../core/webhook/endpoint.ts'
import { signWebhook } from '../../crypto/webhook-signature.ts'
import { findDigestAddress } from '../../db/approval/digests.ts'
import { secretsContext, type Endpoint } from '../../db/webhook/endpoints.ts'
import type { ClaimedDelivery } from '../../db/webhook/queue.ts'
import type { WebhookDeps } from './webhook-deps.ts'

/** Brings one message there; throws an AppError when it did not arrive. */
export type Send = (delivery: ClaimedDelivery, signal: AbortSignal) => Promise<void>

type Target = {
  readonly url: string
  readonly secrets: () => readonly string[]
  readonly bearerToken?: string | undefined
}

const TIMEOUT_MS = 15_000
const MAX_ANSWER_BYTES = 64 * 1024

const counts = z.record(z.string(), z.number())
const messages = z.array(z.looseObject({ message: z.string() }))
const digestEvent = z.object({
  data: z.object({
    uploadId: z.string(),
    compact: z.string(),
    jurisdiction: z.string(),
    state: z.string(),
    failureCode: z.string().optional(),
    fileFaults: messages,
    counts,
    faults: z.array(
      z.object({ line: z.int(), record: z.int(), errors: z.record(z.string(), messages) }),
    ),
    more: z.int(),
    link: z.string(),
  }),
})

const approvalDigest = z.object({
  data: z.object({
    digestId: z.uuid(),
    approvals: z.int(),
    items: z.array(
      z.object({
        approvalId: z.string(),
        type: z.string(),
        reasons: z.array(z.string()),
        expiresAt: z.string(),
      }),
    ),
  }),
})

/** How messages reach this endpoint; undefined when it is not configured here. */
export function createSend(deps: WebhookDeps, endpoint: Endpoint): Send | undefined {
  if (endpoint.kind === 'mail') return createMailSend(deps)
  const target = findTarget(deps, endpoint)
  return target && createHttpSend(deps, target)
}

function findTarget({ sinks, cipher }: WebhookDeps, endpoint: Endpoint): Target | undefined {
  const { id, kind, name, url, secretsCipher } = endpoint
  if (kind === 'sink') {
    const sink = sinks.find((known) => known.name === name)
    return sink && { ...sink, secrets: () => [sink.secret] }
  }
  if (url === null || secretsCipher === null) return undefined
  const text = cipher.decrypt(secretsCipher, secretsContext(id)).toString('utf8')
  const secrets = JSON.parse(text) as EndpointSecrets // as it was encrypted
  return { url, secrets: () => listSigningSecrets(secrets, new Date()) }
}

function createHttpSend({ http }: WebhookDeps, target: Target): Send {
  const { url, bearerToken } = target
  return async ({ id, type, body }, signal) => {
    const answer = await http.send({
      url,
      method: 'POST',
      headers: {
        'content-type': type.startsWith('profile.') ? 'application/json' : CLOUD_EVENT_TYPE,
        ...signWebhook({ id, sentAt: new Date(), body }, target.secrets()),
        ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
      },
      body,
      // The receiver knows a second copy by its id.
      isRepeatable: true,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
      ignoresBody: true,
      signal,
    })
    assertSuccess(answer, 'send the webhook')
  }
}

function createMailSend(deps: WebhookDeps): Send | undefined {
  const { mailer } = deps
  if (!mailer) return undefined
  return async ({ type, body }, signal) => {
    const mail =
      type === approvalDigestEvent
        ? await createApprovalMail(deps, body)
        : createUploadMail(deps, body)
    const { id, ...rest } = mail
    await mailer.send({ messageId: `${id}@${mailer.domain}`, ...rest }, signal)
  }
}

type Mail = {
  /** Before the domain of the message's id. */
  readonly id: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
}

function createUploadMail({ compacts, publicUrl }: WebhookDeps, body: string): Mail {
  const { data: digest } = digestEvent.parse(JSON.parse(body))
  const compact = findCompact(compacts, digest.compact)
  const to = compact ? contactsOf(compact, digest.jurisdiction) : []
  if (to.length === 0) throwNobody('COMPACTS_FILE names no contacts of the jurisdiction any more')
  return { id: `upload-digest.${digest.uploadId}`, to, ...formatDigestMail(digest, publicUrl) }
}

async function createApprovalMail({ db, publicUrl }: WebhookDeps, body: string): Promise<Mail> {
  const { data: digest } = approvalDigest.parse(JSON.parse(body))
  const address = await findDigestAddress(db, digest.digestId)
  if (address === undefined) throwNobody('the approver is not there any more')
  const mail = formatApprovalDigestMail(digest, publicUrl)
  return { id: `approval-digest.${digest.digestId}`, to: [address], ...mail }
}

function throwNobody(reason: string): never {
  throw new AppError('no_contacts', `Cannot send the mail: ${reason}`, {
    status: 404,
    expose: false,
  })
}
