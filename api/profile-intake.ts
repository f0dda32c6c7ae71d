import { AppError } from '../core/errors.ts'
import { listLanes, listPersonSinks } from '../core/profile/lanes.ts'
import { findAttribute, type PartialProfile } from '../core/profile/document.ts'
import { withTransaction, type Transaction } from '../db/client.ts'
import type { IntakeDeps, IntakeResult, Submission } from '../db/profile/intake.ts'
import type { ApiContext } from './context.ts'
import { getPublisher } from './policies/publisher.ts'
import type { Principal } from './principal.ts'
import { parseStrictJson } from './strict-json.ts'

/** Characters of the longest user id. */
export const MAX_ID_LENGTH = 1_024

/** What a request says of itself, whatever it changes. */
export type IntakeRequest = {
  readonly principal: Principal
  readonly requestId: string
  readonly traceparent: string | undefined
}

/** The answer that publishers know. */
export type ChangeReply = {
  readonly sequence_number: number | null
  readonly status_code: number
  readonly condition: IntakeResult['condition']
}

/** What the intake works with now. */
export async function createIntakeDeps({
  config,
  publishers,
}: Pick<ApiContext, 'config' | 'publishers'>): Promise<IntakeDeps> {
  return {
    publishers: await publishers.current(),
    lanes: listLanes(config.sinks),
    sinks: listPersonSinks(config.sinks).map(({ name }) => name),
  }
}

/** The common part of a submission; throws `invalid_publisher` (403) for a token of no publisher. */
export function createSubmission(
  { principal, requestId, traceparent }: IntakeRequest,
  { userId, now }: { readonly userId: string; readonly now: Date },
): Submission {
  const publisher = getPublisher(principal)
  return { userId, publisher, actor: principal.subject, requestId, traceparent, receivedAt: now }
}

/** A profile as it was sent: an object, or a text that holds one, as old clients encode it. */
export function readProfileBody(body: unknown): PartialProfile {
  const parsed = typeof body === 'string' ? parseStrictJson(Buffer.from(body)) : body
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
    return parsed as PartialProfile // an object, whose members the intake judges
  }
  throw new AppError(
    'integration_exception',
    'Cannot take this body: send a profile as JSON object',
    {
      status: 400,
    },
  )
}

/** Whom a change is about: what the query says, else the body; throws 400 when they differ or say nothing. */
export function getUserId(named: string | undefined, body: PartialProfile): string {
  const own = findOwnUserId(body)
  const userId = named ?? own
  if (userId === undefined) throwIntegration('name the person by user_id, in the query or the body')
  if (own !== undefined && own !== userId)
    throwIntegration('query and body name different user ids')
  if (userId.length > MAX_ID_LENGTH) {
    throwIntegration(`a user id has at most ${MAX_ID_LENGTH} characters`)
  }
  return userId
}

/** The answer for a result; hands what is to be propagated to Temporal, without waiting for it. */
export function replyTo(result: IntakeResult): ChangeReply {
  if (result.condition === 'noop') {
    return { sequence_number: null, status_code: 202, condition: 'noop' }
  }
  return { sequence_number: result.serial, status_code: 200, condition: result.condition }
}

/**
 * Runs a transaction that changes one person. Those of the same person come one after the other, and
 * only the first of them holds a connection: a person whom everybody changes holds up nobody else.
 */
export async function changePerson<T>(
  { db, changeLanes }: Pick<ApiContext, 'db' | 'changeLanes'>,
  userId: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return await changeLanes.run(userId, async () => await withTransaction(db, work))
}

/** Hands the propagation of committed results to Temporal; never throws, the relay takes what is left. */
export function handOverResults(context: ApiContext, results: readonly IntakeResult[]): void {
  for (const result of results) {
    if (result.condition === 'noop') continue
    const { id, start } = result.propagation
    // The answer does not wait for the engine.
    void context.handOver(id, start)
  }
}

function findOwnUserId(body: PartialProfile): string | undefined {
  const attribute: unknown = findAttribute(body, 'user_id')
  if (typeof attribute !== 'object' || attribute === null || !('value' in attribute))
    return undefined
  return typeof attribute.value === 'string' && attribute.value !== '' ? attribute.value : undefined
}

function throwIntegration(reason: string): never {
  throw new AppError('integration_exception', `Cannot take this change: ${reason}`, { status: 400 })
}
