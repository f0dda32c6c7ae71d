import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { createSourcePullStart } from '../../core/source/workflow.ts'
import { appendAudit } from '../../db/audit.ts'
import { getRow, withTransaction, type Database } from '../../db/client.ts'
import { listFailures, listItems } from '../../db/source/items.ts'
import {
  findSourceRun,
  insertSourceRun,
  listLatestSourceRuns,
  listSourceRuns,
  type SourceRun,
} from '../../db/source/runs.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import {
  presentSource,
  presentSourceItem,
  presentSourceRun,
  sourceExample,
  sourceItemExample,
  sourceItemSchema,
  sourceRunExample,
  sourceRunSchema,
  sourceSchema,
} from '../presenters/source.ts'

const auth = { anyScope: ['source:run'] } as const
const tags = ['sources']
const sourceParams = z.object({ name: z.string() })
const runParams = z.object({ name: z.string(), runId: z.uuid() })
const runPosition = z.object({ createdAt: z.iso.datetime(), id: z.uuid() })
const itemPosition = z.object({ after: z.int() })
const MAX_FAILURES = 100
const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'reading', 'comparing', 'posting'])
const RETRY_AFTER = { 'Retry-After': '1' }

/** `GET /v1/sources`: what persons are pulled from, with the newest run of each. */
export const listSources = defineRoute(
  {
    method: 'GET',
    path: '/v1/sources',
    operationId: 'listSources',
    summary: 'The sources and their newest runs',
    tags,
    auth,
    responses: {
      200: {
        description: 'Every configured source',
        schema: z.object({ items: z.array(sourceSchema), next: z.null() }),
        example: { items: [sourceExample], next: null },
      },
    },
  },
  async (_, { config, db }) => {
    const names = config.sources.map(({ name }) => name)
    const runs = await listLatestSourceRuns(db, names)
    const items = config.sources.map((source) =>
      presentSource(
        source,
        runs.find((run) => run.source === source.name),
      ),
    )
    return { status: 200, body: { items, next: null } }
  },
)

/** `POST /v1/sources/{name}/runs`: pulls now. */
export const postSourceRun = defineRoute(
  {
    method: 'POST',
    path: '/v1/sources/{name}/runs',
    operationId: 'runSource',
    summary: 'Pulls from a source',
    description:
      'A `full` run reads everybody, and who is gone is deactivated; an `incremental` one reads what ' +
      'has changed since the last. With `dryRun` nobody is touched: the run says what it would do. ' +
      'A run that would do too much is `held`, and its approval decides on exactly that.',
    tags,
    auth,
    params: sourceParams,
    body: {
      kind: 'json',
      optional: true,
      schema: z.strictObject({
        mode: z.enum(['full', 'incremental']).default('full'),
        dryRun: z.boolean().default(false),
      }),
      example: { mode: 'full', dryRun: true },
    },
    responses: {
      202: {
        description: 'It runs',
        schema: sourceRunSchema,
        example: { ...sourceRunExample, state: 'queued', hold: null, approvalId: null },
        headers: { Location: 'The run', 'Retry-After': 'Seconds' },
      },
    },
    errors: { 404: 'There is no such source', 409: 'A run of this source is under way' },
  },
  async ({ principal, params, body, requestId, traceparent }, context) => {
    const { name, publisher } = getSource(context, params.name)
    const id = randomUUID()
    const startedBy = principal.subject
    const { run, start, queued } = await withTransaction(context.db, async (tx) => {
      const run = await insertSourceRun(tx, {
        id,
        source: name,
        publisher,
        ...body,
        startedBy,
        requestId,
      })
      if (!run) throwUnderWay(name)
      const start = { ...createSourcePullStart(run, 'reading'), traceparent }
      await appendAudit(tx, [
        {
          actor: startedBy,
          action: 'source.run',
          subject: { type: 'source-run', id },
          cause: { requestId, source: name, mode: body.mode, dryRun: String(body.dryRun) },
        },
      ])
      return { run, start, queued: await enqueueStart(tx, start) }
    })
    void context.handOver(queued, start)
    const location = `/v1/sources/${encodeURIComponent(name)}/runs/${id}`
    const headers = { Location: location, ...RETRY_AFTER }
    return { status: 202, headers, body: presentSourceRun(run) }
  },
)

/** `GET /v1/sources/{name}/runs`: its runs, the newest first. */
export const getSourceRuns = defineRoute(
  {
    method: 'GET',
    path: '/v1/sources/{name}/runs',
    operationId: 'listSourceRuns',
    summary: 'Runs of a source, the newest first',
    tags,
    auth,
    params: sourceParams,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of runs, without who was left out',
        schema: pageOf(sourceRunSchema),
        example: { items: [sourceRunExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such source' },
  },
  async ({ params, query, url }, context) => {
    const { db, cursors } = context
    const { name } = getSource(context, params.name)
    const scope = `source-runs ${name}`
    const after = query.cursor ? runPosition.parse(cursors.open(scope, query.cursor)) : undefined
    const runs = await listSourceRuns(db, { source: name, after, limit: query.limit + 1 })
    const { items, last } = cutPage(runs, query.limit)
    const next =
      last && cursors.sign(scope, { createdAt: last.createdAt.toISOString(), id: last.id })
    return replyWithPage(url, { items: items.map((run) => presentSourceRun(run)), next })
  },
)

/** `GET /v1/sources/{name}/runs/{runId}`: one run. */
export const getSourceRun = defineRoute(
  {
    method: 'GET',
    path: '/v1/sources/{name}/runs/{runId}',
    operationId: 'getSourceRun',
    summary: 'A run of a source',
    tags,
    auth,
    params: runParams,
    responses: {
      200: {
        description: 'The run; `Retry-After` while it is under way',
        schema: sourceRunSchema,
        example: sourceRunExample,
      },
    },
    errors: { 404: 'There is no such run' },
  },
  async ({ params }, { db }) => {
    const run = await getRun(db, params)
    const headers = UNDER_WAY.has(run.state) ? RETRY_AFTER : {}
    const body = presentSourceRun(run, await listFailures(db, run.id, MAX_FAILURES))
    return { status: 200, headers, body }
  },
)

/** `GET /v1/sources/{name}/runs/{runId}/items`: what it does, person by person. */
export const getSourceItems = defineRoute(
  {
    method: 'GET',
    path: '/v1/sources/{name}/runs/{runId}/items',
    operationId: 'listSourceItems',
    summary: 'What a run does, person by person',
    tags,
    auth,
    params: runParams,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of persons, in the order in which they are done',
        schema: pageOf(sourceItemSchema),
        example: { items: [sourceItemExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such run' },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const { id } = await getRun(db, params)
    const scope = `source-items ${id}`
    const { after } = query.cursor
      ? itemPosition.parse(cursors.open(scope, query.cursor))
      : { after: 0 }
    const found = await listItems(db, id, { after, limit: query.limit + 1 })
    const { items, last } = cutPage(found, query.limit)
    const next = last && cursors.sign(scope, { after: last.item })
    return replyWithPage(url, { items: items.map(presentSourceItem), next })
  },
)

function getSource(
  { config }: Pick<ApiContext, 'config'>,
  name: string,
): ApiContext['config']['sources'][number] {
  const source = config.sources.find((known) => known.name === name)
  if (source) return source
  throw new AppError('not_found', `Cannot find source "${name}"`, { status: 404 })
}

async function getRun(
  db: Database,
  { name, runId }: { readonly name: string; readonly runId: string },
): Promise<SourceRun> {
  const run = await findSourceRun(db, runId)
  return getRow(run?.source === name ? [run] : [], 'Cannot find this run')
}

function throwUnderWay(name: string): never {
  throw new AppError(
    'run_under_way',
    `Cannot pull from "${name}" now: a run of it is under way, wait for its end`,
    { status: 409 },
  )
}
