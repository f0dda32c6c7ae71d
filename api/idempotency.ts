import { createHash } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import type { Queryable } from '../db/client.ts'
import {
  claimIdempotencyKey,
  findIdempotencyRecord,
  releaseIdempotencyKey,
  settleIdempotencyKey,
  type IdempotencyClaim,
  type IdempotencyScope,
} from '../db/idempotency-keys.ts'
import type { ApiContext } from './context.ts'
import type { Reply } from './guard.ts'

// Visible ASCII: RFC 9110 §5.6.2 calls it VCHAR.
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/
const RETRY_AFTER_SECONDS = 1

export type IdempotentRequest = {
  /** The header, where the caller sent one. */
  readonly key: string | undefined
  readonly principal: string
  /** Method and path template. */
  readonly route: string
  /** All that makes the request what it is: path, query and body. */
  readonly content: readonly (string | Uint8Array)[]
  /** The body of the answer is kept encrypted. */
  readonly isSecret?: boolean
}

type IdempotencyContext = Pick<ApiContext, 'db' | 'hash' | 'cipher' | 'presence'>

/** Keeps the answer of the request within a transaction, once. */
export type Settle = (tx: Queryable, reply: Reply) => Promise<Reply>

/**
 * Runs `work` once per key, principal and route: a replay gets the first answer, the same key with
 * another body is a 422, with a request that still runs a 409. What fails gives the key back.
 */
export async function runIdempotently(
  context: IdempotencyContext,
  request: IdempotentRequest,
  work: (settle: Settle) => Promise<Reply>,
): Promise<Reply> {
  if (request.key === undefined) return await work(async (_, reply) => await Promise.resolve(reply))
  assertKey(request.key)
  const { principal, route, key } = request
  const bodyHash = await hashContent(context, request)
  const claim = { principal, route, key, holder: await context.presence.findKey() }
  if (!(await claimIdempotencyKey(context.db, claim, bodyHash))) {
    return openReply(context, request, await replay(context.db, claim, bodyHash))
  }
  const seal = (reply: Reply): Reply => sealReply(context, request, reply)
  return await runClaimed(context.db, { claim, seal }, work)
}

async function runClaimed(
  db: Queryable,
  { claim, seal }: { readonly claim: IdempotencyClaim; readonly seal: (reply: Reply) => Reply },
  work: (settle: Settle) => Promise<Reply>,
): Promise<Reply> {
  let settled = false
  const settle: Settle = async (tx, reply) => {
    const { status, headers = {}, body } = seal(reply)
    if (!(await settleIdempotencyKey(tx, claim, { status, headers, body }))) throwRunning()
    settled = true
    return reply
  }
  try {
    const reply = await work(settle)
    return settled ? reply : await settle(db, reply)
  } catch (error) {
    // Without the database the lease on the key runs out by itself.
    await releaseIdempotencyKey(db, claim).catch(() => {})
    throw error
  }
}

async function replay(db: Queryable, scope: IdempotencyScope, bodyHash: Buffer): Promise<Reply> {
  const record = await findIdempotencyRecord(db, scope)
  if (record && !record.bodyHash.equals(bodyHash)) throwReused()
  if (!record?.reply) throwRunning()
  return record.reply
}

// A key that has left the ring since takes its answers with it: the error says so.
function openReply(
  { cipher }: IdempotencyContext,
  request: IdempotentRequest,
  reply: Reply,
): Reply {
  if (request.isSecret !== true) return reply
  const { sealed } = reply.body as { readonly sealed: string } // as sealReply made it
  const text = cipher.decrypt(Buffer.from(sealed, 'base64'), toContext(request))
  return { ...reply, body: JSON.parse(text.toString('utf8')) as unknown }
}

function sealReply(
  { cipher }: IdempotencyContext,
  request: IdempotentRequest,
  reply: Reply,
): Reply {
  if (request.isSecret !== true) return reply
  const sealed = cipher.encrypt(JSON.stringify(reply.body), toContext(request))
  return { ...reply, body: { sealed: sealed.toString('base64') } }
}

function toContext({ route }: IdempotentRequest): string {
  return `idempotency:${route}`
}

/** A keyed hash: bodies hold personal data that a plain digest would let others guess. */
async function hashContent(
  context: Pick<ApiContext, 'hash'>,
  request: IdempotentRequest,
): Promise<Buffer> {
  const digest = createHash('sha256')
  for (const part of request.content) digest.update(`${part.length}:`).update(part)
  const hash = await context.hash()
  return hash(`idempotency:${request.route}`, digest.digest('hex'))
}

function assertKey(key: string): void {
  if (KEY_PATTERN.test(key)) return
  throw new AppError(
    'invalid_idempotency_key',
    'Cannot use this Idempotency-Key: send 1 to 255 visible ASCII characters',
    { status: 400 },
  )
}

function throwReused(): never {
  throw new AppError(
    'idempotency_key_reused',
    'Cannot use this Idempotency-Key again: it belongs to a request with other content',
    { status: 422 },
  )
}

function throwRunning(): never {
  throw new AppError(
    'idempotency_key_in_use',
    'Cannot answer yet: the first request with this Idempotency-Key still runs',
    { status: 409, retryAfterSeconds: RETRY_AFTER_SECONDS },
  )
}
