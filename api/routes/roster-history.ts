import { Readable } from 'node:stream'
import { z } from 'zod'
import { writeSafeLine } from '../../core/csv/write.ts'
import type { Database } from '../../db/client.ts'
import {
  addProgress,
  listRosterErrors,
  listRosterRuns,
  type RosterError,
} from '../../db/roster/history.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import {
  isUnderWay,
  presentRosterRun,
  rosterRunExample,
  rosterRunSchema,
} from '../presenters/roster-run.ts'
import {
  assertOwnProvider,
  getRun,
  NO_RUN,
  NOT_ITS_PROVIDER,
  readScope,
  runParams,
  tenantParams,
} from '../roster-access.ts'

const tags = ['rosters']
const CSV = 'text/csv'
const CSV_PAGE = 1_000
const position = z.object({ createdAt: z.iso.datetime(), id: z.uuid() })
const errorKey = z.object({ entity: z.string(), id: z.string(), code: z.string() })
const errorSchema = errorKey.extend({ message: z.string(), attempts: z.int() })
const errorExample = {
  entity: 'users',
  id: 'T-1041',
  code: 'user_name_taken',
  message: 'Another account of the target has this user name',
  attempts: 1,
}

/** `GET /sync/{tenantId}/history`: every run, from the moment of its 202. */
export const listSyncHistory = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/history',
    operationId: 'listRosterRuns',
    summary: "A tenant's runs, the newest first",
    description: 'Pages stay what they are while runs are added.',
    tags,
    auth: readScope,
    params: tenantParams,
    ofTenant: true,
    query: z.object({
      ...pageQuery,
      providerId: z.uuid().optional().describe('Of this provider alone'),
    }),
    responses: {
      200: {
        description: 'A page of runs',
        schema: pageOf(rosterRunSchema),
        example: { items: [rosterRunExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NOT_ITS_PROVIDER },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const { tenantId: tenant } = params
    const { providerId, cursor, limit } = query
    await assertOwnProvider(db, { ...params, providerId })
    const scope = `roster-runs ${tenant} ${providerId ?? ''}`
    const after = cursor ? position.parse(cursors.open(scope, cursor)) : undefined
    const found = await listRosterRuns(db, { tenant, providerId, after, limit: limit + 1 })
    const { items, last } = cutPage(found, limit)
    const next =
      last && cursors.sign(scope, { createdAt: last.createdAt.toISOString(), id: last.id })
    return replyWithPage(url, { items: items.map((run) => presentRosterRun(run)), next })
  },
)

/** `GET /sync/{tenantId}/history/{syncId}`: one run. */
export const getSyncRun = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/history/{syncId}',
    operationId: 'getRosterRun',
    summary: 'A run with its counts and what the guard made of it',
    tags,
    auth: readScope,
    params: runParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'The run; `Retry-After` while it is under way',
        schema: rosterRunSchema,
        example: rosterRunExample,
      },
    },
    errors: { 404: NO_RUN },
  },
  async ({ params }, { db, clock }) => {
    const [standing] = await addProgress(db, [await getRun(db, params)])
    const now = clock()
    const body = standing && presentRosterRun(standing.run, { ...standing, now })
    const headers = standing && isUnderWay(standing.run.state) ? { 'Retry-After': '1' } : {}
    return { status: 200, headers, body }
  },
)

/** `GET /sync/{tenantId}/history/{syncId}/errors`: records and writes that failed, as JSON or CSV. */
export const listSyncErrors = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/history/{syncId}/errors',
    operationId: 'listRosterErrors',
    summary: 'The errors of a run, record by record',
    description:
      '`id` as the source writes it. With `Accept: text/csv` all of them as CSV, where cells that a ' +
      "spreadsheet would take for a formula begin with `'`.",
    tags,
    auth: readScope,
    params: runParams,
    ofTenant: true,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of errors',
        schema: pageOf(errorSchema),
        example: { items: [errorExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NO_RUN },
  },
  async ({ params, query, url, headers }, { db, cursors }) => {
    const { id: runId } = await getRun(db, params)
    if (headers.accept?.includes(CSV)) {
      const name = `${runId}.errors.csv`
      return {
        status: 200,
        headers: {
          'Content-Type': `${CSV}; charset=utf-8`,
          'Content-Disposition': `attachment; filename="${name}"`,
        },
        body: Readable.from(writeErrors(db, runId), { objectMode: false }),
      }
    }
    const scope = `roster-errors ${runId}`
    const after = query.cursor ? errorKey.parse(cursors.open(scope, query.cursor)) : undefined
    const found = await listRosterErrors(db, { runId, after, limit: query.limit + 1 })
    const { items, last } = cutPage(found, query.limit)
    const next = last && cursors.sign(scope, pickKey(last))
    return replyWithPage(url, { items: items.map(presentError), next })
  },
)

async function* writeErrors(db: Database, runId: string): AsyncGenerator<string> {
  yield writeSafeLine(['entity', 'id', 'code', 'message', 'attempts'])
  let after: RosterError | undefined
  do {
    const page = await listRosterErrors(db, { runId, after, limit: CSV_PAGE })
    const lines = page.map(({ entity, id, code, message, attempts }) =>
      writeSafeLine([entity, id, code, message, String(attempts)]),
    )
    if (lines.length > 0) yield lines.join('')
    after = page.length === CSV_PAGE ? page.at(-1) : undefined
  } while (after)
}

function pickKey({ entity, id, code }: RosterError): z.output<typeof errorKey> {
  return { entity, id, code }
}

function presentError(error: RosterError): z.output<typeof errorSchema> {
  const { entity, id, code, message, attempts } = error
  return { entity, id, code, message, attempts }
}
