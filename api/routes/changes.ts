import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { findChange, listChangeEvents, type ChangeEvent } from '../../db/profile/changes.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { findReadablePublisher } from '../policies/publisher.ts'
import { MAX_ID_LENGTH } from '../profile-intake.ts'
import { textParam } from '../profile-query.ts'
import { changeExample, changeSchema, presentChange } from '../presenters/profile-change.ts'

const READABLE_MS = 24 * 3_600_000
const MAX_WAIT_SECONDS = 30
const LOOK_EVERY_MS = 150
const RETRY_AFTER = { 'Retry-After': '1' }

const serial = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).meta({ example: 1 })
const position = z.object({ after: z.int().min(0) })

/** `GET /v1/changes/{serial}`: how far one change has got. */
export const getChange = defineRoute(
  {
    method: 'GET',
    path: '/v1/changes/{serial}',
    operationId: 'getChange',
    summary: 'Follows one change to the sinks',
    description:
      'For the publisher of the change, by the claim of the token, or with `change:read`; for 24 ' +
      'hours. `wait` holds the answer until every sink has settled, so many seconds at most.',
    tags: ['profile changes'],
    errorStyle: 'cis',
    auth: 'token',
    params: z.object({ serial }),
    query: z.object({
      wait: z.coerce.number().int().min(0).max(MAX_WAIT_SECONDS).default(0),
    }),
    responses: {
      200: {
        description: 'The change; `Retry-After` while a sink is pending',
        schema: changeSchema,
        example: changeExample,
      },
    },
    errors: {
      403: 'The token names no publisher, and has no `change:read`',
      404: 'There is no such change, or it is another publisher’s',
      410: 'The change is older than 24 hours; the audit log keeps who and what',
    },
  },
  async ({ principal, params, query, signal }, context) => {
    const publisher = findReadablePublisher(principal)
    const deadline = Date.now() + query.wait * 1000
    const stop = AbortSignal.any([signal, context.stopping])
    for (;;) {
      const event = await getEvent(context, { serial: params.serial, publisher })
      const isSettled = event.sinks.every(({ state }) => state !== 'pending')
      if (isSettled || Date.now() >= deadline || stop.aborted) {
        const headers = isSettled ? {} : RETRY_AFTER
        return { status: 200, headers, body: presentChange(event) }
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => {})
    }
  },
)

/** `GET /v1/changes`: a publisher's own changes by serial. */
export const listChanges = defineRoute(
  {
    method: 'GET',
    path: '/v1/changes',
    operationId: 'listChanges',
    summary: "A publisher's changes of the last 24 hours",
    description:
      'By serial: whoever has read up to a serial never finds a smaller one later. Another ' +
      "publisher's changes need `change:read`.",
    tags: ['profile changes'],
    errorStyle: 'cis',
    auth: 'token',
    query: z.object({
      ...pageQuery,
      user_id: textParam(MAX_ID_LENGTH).optional(),
      publisher: textParam(MAX_ID_LENGTH).optional(),
      after: z.coerce.number().int().min(0).default(0).describe('Changes with a greater serial'),
    }),
    responses: {
      200: {
        description: 'A page of changes',
        schema: pageOf(changeSchema),
        example: { items: [changeExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 403: 'The token names no publisher, and has no `change:read`' },
  },
  async ({ principal, query, url }, { db, cursors, clock }) => {
    const own = findReadablePublisher(principal)
    const publisher = query.publisher ?? own
    const scope = `changes ${publisher ?? ''} ${query.user_id ?? ''}`
    const after =
      query.cursor === undefined
        ? query.after
        : position.parse(cursors.open(scope, query.cursor)).after
    const isReadable = own === undefined || publisher === own
    const found = isReadable
      ? await listChangeEvents(db, {
          publisher,
          userId: query.user_id,
          since: new Date(clock().getTime() - READABLE_MS),
          after,
          limit: query.limit + 1,
        })
      : []
    const { items: events, last } = cutPage(found, query.limit)
    return replyWithPage(url, {
      items: events.map(presentChange),
      next: last && cursors.sign(scope, { after: last.serial }),
    })
  },
)

/** `GET /v2/status`: whether a change is in the vault, as old clients ask. */
export const getChangeStatus = defineRoute(
  {
    method: 'GET',
    path: '/v2/status',
    operationId: 'getChangeStatus',
    summary: 'Whether a change is in the vault',
    tags: ['profile changes'],
    errorStyle: 'cis',
    auth: 'token',
    query: z.object({ sequenceNumber: serial }),
    responses: {
      200: {
        description: 'Whether it is',
        schema: z.object({ identity_vault: z.boolean() }),
        example: { identity_vault: true },
      },
    },
  },
  async ({ query }, { db }) => {
    const event = await findChange(db, query.sequenceNumber)
    return { status: 200, body: { identity_vault: event !== undefined } }
  },
)

async function getEvent(
  { db, clock }: ApiContext,
  wanted: { readonly serial: number; readonly publisher: string | undefined },
): Promise<ChangeEvent> {
  const event = await findChange(db, wanted.serial)
  const isReadable = wanted.publisher === undefined || event?.publisher === wanted.publisher
  if (!event || !isReadable) {
    throw new AppError('not_found', `Cannot find change ${wanted.serial}`, { status: 404 })
  }
  if (clock().getTime() - event.committedAt.getTime() <= READABLE_MS) return event
  throw new AppError(
    'gone',
    `Cannot show change ${wanted.serial} any more: it is older than 24 hours, see the audit log`,
    { status: 410 },
  )
}
