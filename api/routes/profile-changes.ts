import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { withSavepoint, withTransaction, type Transaction } from '../../db/client.ts'
import {
  submitChange,
  type ChangeSubmission,
  type IntakeDeps,
  type IntakeResult,
} from '../../db/profile/intake.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute, type Route, type RouteMethod } from '../guard.ts'
import {
  changePerson,
  createIntakeDeps,
  createSubmission,
  getUserId,
  handOverResults,
  readProfileBody,
  replyTo,
  type IntakeRequest,
} from '../profile-intake.ts'
import { toAppError } from '../problem.ts'
import { parseStrictJson } from '../strict-json.ts'
import { changeErrors, profileBodyExample } from './profile-change.ts'

const MAX_PROFILES = 100
const LIMIT_BYTES = 8 * 1024 * 1024

const itemSchema = z.object({
  sequence_number: z.int().nullable(),
  status_code: z.int(),
  condition: z.enum(['create', 'update', 'noop']).nullable(),
  code: z.string().optional(),
  description: z.string().optional(),
})
type Item = z.output<typeof itemSchema>

const group = z.object({ status: z.int(), sequence_numbers: z.array(z.int()) }).nullable()
const batchSchema = z.object({
  creates: group,
  updates: group,
  status: z.int(),
  results: z.array(itemSchema),
})

const example: z.output<typeof batchSchema> = {
  creates: null,
  updates: { status: 200, sequence_numbers: [4711] },
  status: 200,
  results: [
    { sequence_number: 4711, status_code: 200, condition: 'update' },
    {
      sequence_number: null,
      status_code: 403,
      condition: null,
      code: 'invalid_publisher',
      description: '[update] hris is NOT allowed to publish field first_name',
    },
  ],
}

/** `POST /v2/users`: up to 100 changes, in order. */
export const postProfiles = defineBatch('POST', 'changeProfiles')
/** `PUT /v2/users`: the same, as some publishers send it. */
export const putProfiles = defineBatch('PUT', 'putProfiles')

function defineBatch(method: RouteMethod, operationId: string): Route {
  return defineRoute(
    {
      method,
      path: '/v2/users',
      operationId,
      summary: 'Changes up to 100 persons',
      description:
        'The changes are made one after the other, and a bad one fails alone. With `atomic=true` ' +
        'nothing is stored when one fails: the answer has the status of the first bad one, and ' +
        '`results` for all.',
      tags: ['profile changes'],
      errorStyle: 'cis',
      auth: { anyScope: ['write'] },
      query: z.object({ atomic: z.enum(['true', 'false']).optional() }),
      body: {
        kind: 'json',
        // Each is judged by itself: what is no profile fails alone.
        schema: z.union([z.array(z.unknown()), z.string()]).describe('Up to 100 profiles'),
        example: [profileBodyExample],
        limitBytes: LIMIT_BYTES,
      },
      idempotent: true,
      responses: { 200: { description: 'What became of each', schema: batchSchema, example } },
      errors: { ...changeErrors, 413: 'More than 100 profiles, or more than 8 MiB' },
    },
    async (request, context) => {
      const profiles = readBatch(request.body)
      const now = context.clock()
      createSubmission(request, { userId: '', now })
      const batch = { request, context, deps: await createIntakeDeps(context), profiles, now }
      const isAtomic = request.query.atomic === 'true'
      const { items, results } = isAtomic ? await takeAll(batch) : await takeEach(batch)
      handOverResults(context, results)
      return { status: 200, body: summarise(items) }
    },
  )
}

type Batch = {
  readonly request: IntakeRequest
  readonly context: ApiContext
  readonly deps: IntakeDeps
  readonly profiles: readonly unknown[]
  readonly now: Date
}

type Taken = { readonly items: Item[]; readonly results: IntakeResult[] }

async function takeEach(batch: Batch): Promise<Taken> {
  const taken: Taken = { items: [], results: [] }
  for (const profile of batch.profiles) {
    await takeOne(taken, async () => {
      const submission = createChange(batch, profile)
      const submit = async (tx: Transaction): Promise<IntakeResult> =>
        await submitChange(tx, batch.deps, submission)
      return await changePerson(batch.context, submission.userId, submit)
    })
  }
  return taken
}

async function takeAll(batch: Batch): Promise<Taken> {
  return await withTransaction(batch.context.db, async (tx) => {
    const taken: Taken = { items: [], results: [] }
    for (const profile of batch.profiles) {
      const submit = async (): Promise<IntakeResult> =>
        await submitChange(tx, batch.deps, createChange(batch, profile))
      // What the database refuses of one must not keep the others from being judged.
      await takeOne(taken, async () => await withSavepoint(tx, submit))
    }
    assertAllTaken(taken.items)
    return taken
  })
}

function createChange({ request, now }: Batch, profile: unknown): ChangeSubmission {
  const body = readProfileBody(profile)
  return { ...createSubmission(request, { userId: getUserId(undefined, body), now }), body }
}

async function takeOne(taken: Taken, submit: () => Promise<IntakeResult>): Promise<void> {
  try {
    const result = await submit()
    taken.results.push(result)
    taken.items.push(replyTo(result) as Item) // nothing is deleted here
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.status >= 500) throw thrown
    const { code, message, status } = error
    const refused = { sequence_number: null, condition: null }
    taken.items.push({ ...refused, status_code: status, code, description: message })
  }
}

function assertAllTaken(items: readonly Item[]): void {
  const first = items.find(({ code }) => code !== undefined)
  if (!first) return
  const results = items.map((item) =>
    item.code === undefined
      ? { ...item, sequence_number: null, status_code: 424, code: 'not_applied' }
      : item,
  )
  throw new AppError(
    first.code ?? 'integration_exception',
    'Cannot apply this batch: one of its changes was refused, so none is stored',
    { status: first.status_code, details: { members: { results } } },
  )
}

function summarise(items: readonly Item[]): z.output<typeof batchSchema> {
  const groupOf = (condition: Item['condition']): z.output<typeof group> => {
    const numbers = items.flatMap((item) =>
      item.condition === condition && item.sequence_number !== null ? [item.sequence_number] : [],
    )
    return numbers.length === 0 ? null : { status: 200, sequence_numbers: numbers }
  }
  return {
    creates: groupOf('create'),
    updates: groupOf('update'),
    status: 200,
    results: [...items],
  }
}

function readBatch(body: unknown): readonly unknown[] {
  const profiles = typeof body === 'string' ? parseStrictJson(Buffer.from(body)) : body
  if (!Array.isArray(profiles)) {
    throw new AppError('integration_exception', 'Cannot take this body: send a list of profiles', {
      status: 400,
    })
  }
  if (profiles.length <= MAX_PROFILES) return profiles
  throw new AppError(
    'too_many_profiles',
    `Cannot take more than ${MAX_PROFILES} profiles at once: send them in parts`,
    { status: 413 },
  )
}
