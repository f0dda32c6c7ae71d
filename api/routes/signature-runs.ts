import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { getRow, withTransaction, type Database } from '../../db/client.ts'
import {
  findLatestSignatureRun,
  findSignatureRun,
  insertSignatureRun,
  listSignatureFaults,
  type SignatureRun,
} from '../../db/profile/signature-runs.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import { signatureRunWorkflowId, taskQueues, workflowTypes } from '../../workflows/messages.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'

const auth = { anyScope: ['signature:write'] } as const
const tags = ['profiles']
const params = z.object({ runId: z.uuid() })
const position = z.object({ profileId: z.uuid(), attribute: z.string() })

const runSchema = z.object({
  id: z.uuid(),
  state: z.enum(['running', 'succeeded', 'failed']),
  renew: z.boolean(),
  counts: z.object({
    persons: z.int(),
    current: z.int().describe('Attributes signed by the key that their publisher signs with now'),
    renewable: z.int().describe('By another of its keys, and left: the run was told not to renew'),
    renewed: z.int().describe('By another of its keys, and signed anew'),
    expired: z.int().describe('By a key that no longer counts, and none to sign with is here'),
    keyGone: z.int().describe('By no key that is known'),
  }),
  startedBy: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
})
const runExample = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  state: 'succeeded',
  renew: true,
  counts: { persons: 1204, current: 39_211, renewable: 0, renewed: 1_204, expired: 0, keyGone: 3 },
  startedBy: 'schedule',
  startedAt: '2026-01-02T03:30:00.000Z',
  endedAt: '2026-01-02T03:31:12.678Z',
} as const

const faultSchema = z.object({
  profileId: z.uuid().describe("The vault's own id of the person"),
  attribute: z.string(),
  publisher: z.string(),
  reason: z.enum(['expired', 'key_gone']),
})

/** `POST /v1/signature-runs`: looks at every signature of the vault, and renews what can be. */
export const postSignatureRun = defineRoute(
  {
    method: 'POST',
    path: '/v1/signature-runs',
    operationId: 'checkSignatures',
    summary: 'Looks at every signature of the vault',
    description:
      'Signs anew what a publisher has signed with another key than its current one, where that is ' +
      'here, and reports what nobody here can renew. A schedule does it every day; it is asked for ' +
      'after a key was exchanged, before the old one is dropped.',
    tags,
    auth,
    body: {
      kind: 'json',
      optional: true,
      schema: z.strictObject({ renew: z.boolean().default(true) }),
      example: { renew: false },
    },
    responses: {
      202: {
        description: 'It runs',
        schema: runSchema,
        example: { ...runExample, state: 'running', endedAt: null },
        headers: { Location: 'The run' },
      },
    },
    errors: { 409: 'A run is under way' },
  },
  async ({ principal, body, requestId, traceparent }, context) => {
    const id = randomUUID()
    const startedBy = principal.subject
    const { run, start, queued } = await withTransaction(context.db, async (tx) => {
      const run = await insertSignatureRun(tx, { id, renew: body.renew, startedBy })
      if (!run) throwUnderWay()
      const start = {
        workflowId: signatureRunWorkflowId(id),
        workflowType: workflowTypes.signatureCheck,
        taskQueue: taskQueues.registrar,
        input: { runId: id },
        summary: 'Looks at every signature of the vault',
        requestId,
        traceparent,
        searchAttributes: { RegistrarDomain: 'profile' },
      }
      await appendAudit(tx, [
        {
          actor: startedBy,
          action: 'signatures.checked',
          subject: { type: 'signature-run', id },
          cause: { requestId, renew: String(body.renew) },
        },
      ])
      return { run, start, queued: await enqueueStart(tx, start) }
    })
    void context.handOver(queued, start)
    const location = `/v1/signature-runs/${id}`
    return { status: 202, headers: { Location: location }, body: present(run) }
  },
)

/** `GET /v1/signature-runs`: the newest run. */
export const getLatestSignatureRun = defineRoute(
  {
    method: 'GET',
    path: '/v1/signature-runs',
    operationId: 'getLatestSignatureRun',
    summary: 'The newest look at the signatures',
    tags,
    auth,
    responses: { 200: { description: 'The run', schema: runSchema, example: runExample } },
    errors: { 404: 'There was none yet' },
  },
  async (_, { db }) => {
    const found = await findLatestSignatureRun(db)
    return { status: 200, body: present(getRow(found ? [found] : [], 'Cannot find a run')) }
  },
)

/** `GET /v1/signature-runs/{runId}`: one run. */
export const getSignatureRun = defineRoute(
  {
    method: 'GET',
    path: '/v1/signature-runs/{runId}',
    operationId: 'getSignatureRun',
    summary: 'A look at the signatures',
    tags,
    auth,
    params,
    responses: { 200: { description: 'The run', schema: runSchema, example: runExample } },
    errors: { 404: 'There is no such run' },
  },
  async ({ params: { runId } }, { db }) => ({
    status: 200,
    body: present(await getRun(db, runId)),
  }),
)

/** `GET /v1/signature-runs/{runId}/faults`: what could not be renewed. */
export const getSignatureFaults = defineRoute(
  {
    method: 'GET',
    path: '/v1/signature-runs/{runId}/faults',
    operationId: 'listSignatureFaults',
    summary: 'Signatures that nobody here can renew',
    tags,
    auth,
    params,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of attributes, by person',
        schema: pageOf(faultSchema),
        example: {
          items: [
            {
              profileId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
              attribute: 'first_name',
              publisher: 'mozilliansorg',
              reason: 'key_gone',
            },
          ],
          next: null,
        },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such run' },
  },
  async ({ params: { runId }, query, url }, { db, cursors }) => {
    await getRun(db, runId)
    const scope = `signature-faults ${runId}`
    const after = query.cursor ? position.parse(cursors.open(scope, query.cursor)) : undefined
    const faults = await listSignatureFaults(db, { runId, after, limit: query.limit + 1 })
    const { items, last } = cutPage(faults, query.limit)
    const next =
      last && cursors.sign(scope, { profileId: last.profileId, attribute: last.attribute })
    return replyWithPage(url, { items, next })
  },
)

async function getRun(db: Database, runId: string): Promise<SignatureRun> {
  const found = await findSignatureRun(db, runId)
  return getRow(found ? [found] : [], 'Cannot find this run')
}

function present(run: SignatureRun): z.output<typeof runSchema> {
  const { id, state, renew, persons, current, renewable, renewed, expired, keyGone } = run
  return {
    id,
    state,
    renew,
    counts: { persons, current, renewable, renewed, expired, keyGone },
    startedBy: run.startedBy,
    startedAt: run.startedAt.toISOString(),
    endedAt: run.endedAt?.toISOString() ?? null,
  }
}

function throwUnderWay(): never {
  throw new AppError(
    'run_under_way',
    'Cannot look at the signatures now: a run is under way, wait for its end',
    { status: 409 },
  )
}
