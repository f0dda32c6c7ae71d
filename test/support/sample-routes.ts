import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { assertIfMatch, createEtag } from '../../api/etag.ts'
import { defineRoute, type Route } from '../../api/guard.ts'
import { withTransaction } from '../../db/client.ts'

const note = z.strictObject({
  text: z.string().min(1).max(20),
  tags: z.array(z.string()).optional(),
})

/** Takes a small JSON body; answers with what it read. */
export const postNote = defineRoute(
  {
    method: 'POST',
    path: '/test/notes/{board}',
    operationId: 'postNote',
    summary: 'Takes a note',
    tags: ['test'],
    auth: { anyScope: ['{board}/note.write'] },
    params: z.object({ board: z.string().regex(/^[a-z]{2}$/) }),
    query: z.object({ dryRun: z.enum(['true', 'false']).optional() }),
    body: { kind: 'json', schema: note, example: { text: 'hello' }, limitBytes: 1024 * 1024 },
    idempotent: true,
    responses: {
      201: { description: 'Made', schema: z.object({ id: z.uuid(), text: z.string() }) },
    },
  },
  async ({ body }) => await Promise.resolve(createNote(body.text)),
)

/** As postNote, but slow: answers when `release` is called. */
export function createSlowRoute(): { readonly route: Route; readonly release: () => void } {
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const route = defineRoute(
    {
      method: 'POST',
      path: '/test/slow',
      operationId: 'postSlow',
      summary: 'Answers later',
      tags: ['test'],
      auth: 'token',
      body: { kind: 'json', schema: note },
      idempotent: true,
      responses: { 201: { description: 'Made', schema: z.object({ id: z.uuid() }) } },
    },
    async ({ body, log }) => {
      log.info('slow request began')
      await released
      return createNote(body.text)
    },
  )
  return { route, release }
}

/** Settles its answer in its transaction, and fails as it is told to. */
export const postFailing = defineRoute(
  {
    method: 'POST',
    path: '/test/failing',
    operationId: 'postFailing',
    summary: 'Fails before or after its commit',
    tags: ['test'],
    auth: 'token',
    body: { kind: 'json', schema: z.strictObject({ fail: z.enum(['before', 'after', 'never']) }) },
    idempotent: true,
    responses: { 201: { description: 'Made', schema: z.object({ id: z.uuid() }) } },
  },
  async ({ body, settle }, { db }) => {
    const reply = await withTransaction(db, async (tx) => {
      const kept = await settle(tx, createNote('settled'))
      if (body.fail === 'before') throw new Error('boom')
      return kept
    })
    if (body.fail === 'after') throw new Error('boom')
    return reply
  },
)

/** A row at version 7. */
export const patchRow = defineRoute(
  {
    method: 'PATCH',
    path: '/test/row',
    operationId: 'patchRow',
    summary: 'Changes a row',
    tags: ['test'],
    auth: 'token',
    errors: { 412: 'The row has changed', 428: 'If-Match is missing' },
    responses: { 204: { description: 'Changed' } },
  },
  async ({ headers }) => {
    assertIfMatch(headers['if-match'], createEtag(7))
    return await Promise.resolve({ status: 204, headers: { ETag: createEtag(8) } })
  },
)

/** Runs a statement that PostgreSQL refuses or that takes long. */
export function createQueryRoute(path: string, statement: string): Route {
  return defineRoute(
    {
      method: 'GET',
      path,
      operationId: 'runQuery',
      summary: 'Runs a statement',
      tags: ['test'],
      auth: 'token',
      responses: { 200: { description: 'Done' } },
    },
    async (_, { db }) => {
      await db.query(statement)
      return { status: 200 }
    },
  )
}

function createNote(text: string): {
  status: number
  headers: Record<string, string>
  body: unknown
} {
  const id = randomUUID()
  return { status: 201, headers: { Location: `/test/notes/${id}` }, body: { text, id } }
}
