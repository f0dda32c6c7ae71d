import { startTestApi, type TestApi } from '../support/http.ts'
import { createSlowRoute, postFailing, postNote } from '../support/sample-routes.ts'

const slow = createSlowRoute()
let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ routes: [postNote, slow.route, postFailing] })
})
afterAll(async () => {
  await api.close()
})

type Call = {
  readonly key: string
  readonly path?: string
  readonly json?: unknown
  readonly subject?: string
}

async function post({
  key,
  path = '/test/notes/al',
  json = { text: 'a' },
  subject = 'test-client',
}: Call): Promise<Response> {
  const token = await api.token('al/note.write ak/note.write', { subject })
  return await api.call(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'idempotency-key': key },
    json,
  })
}

async function idOf(response: Response): Promise<string> {
  return ((await response.json()) as { id: string }).id
}

test('a replay gets the same answer', async () => {
  const first = await post({ key: 'replayed' })
  const second = await post({ key: 'replayed' })
  expect([second.status, second.headers.get('location')]).toEqual([
    201,
    first.headers.get('location'),
  ])
  expect(await second.text()).toBe(await first.text())
})

test('keys belong to a principal and a route', async () => {
  const responses = [
    await post({ key: 'shared' }),
    await post({ key: 'shared', subject: 'another' }),
    await post({ key: 'shared', path: '/test/failing', json: { fail: 'never' } }),
  ]
  expect(responses.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(new Set(await Promise.all(responses.map(idOf))).size).toBe(3)
})

test.each([
  ['another body', { json: { text: 'b' } }],
  ['another path', { path: '/test/notes/ak' }],
  ['another query', { path: '/test/notes/al?dryRun=true' }],
])('the same key with %s is a 422', async (name, change) => {
  const key = `used-${name.replaceAll(' ', '-')}`
  await post({ key })
  const response = await post({ key, ...change })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({ code: 'idempotency_key_reused' })
})

test('a key whose first request still runs is a 409', async () => {
  const call = { key: 'slow', path: '/test/slow' }
  const first = post(call)
  await api.waitForLog('slow request began')
  let second = await post(call)
  expect(second.status).toBe(409)
  expect(second.headers.get('retry-after')).toBe('1')
  slow.release()
  expect((await first).status).toBe(201)
  second = await post(call)
  expect(await second.text()).toBe(await (await post(call)).text())
})

test.each([' ', '', 'a b', 'ä', 'a'.repeat(256), 'tab\there'])(
  'the key "%s" is a 400',
  async (key) => {
    const response = await post({ key })
    expect(response.status).toBe(400)
  },
)

test.each(['a'.repeat(255), '!~"#{}', '8e03978e-40d5-43dd-bc93-6894a57f9324'])(
  'the key %s is taken',
  async (key) => {
    expect((await post({ key })).status).toBe(201)
  },
)

test('a request that failed before its commit gives the key back', async () => {
  const call = { key: 'failed-before', path: '/test/failing' }
  expect((await post({ ...call, json: { fail: 'before' } })).status).toBe(500)
  expect((await post({ ...call, json: { fail: 'never' } })).status).toBe(201)
})

test('a request that failed after its commit has its answer kept', async () => {
  const call = { key: 'failed-after', path: '/test/failing', json: { fail: 'after' } }
  expect((await post(call)).status).toBe(500)
  expect((await post(call)).status).toBe(201)
})

test('a refused body does not use the key up', async () => {
  expect((await post({ key: 'refused', json: {} })).status).toBe(422)
  expect((await post({ key: 'refused' })).status).toBe(201)
})

test('a key is free again after 24 hours, and after a minute when nothing is known of its process', async () => {
  const first = await idOf(await post({ key: 'aged' }))
  await api.db.query(
    `update idempotency_keys set created_at = now() - interval '25 hours' where key = 'aged'`,
  )
  expect(await idOf(await post({ key: 'aged' }))).not.toBe(first)
  await api.db.query(
    `update idempotency_keys set status = null, created_at = now() - interval '2 minutes' where key = 'aged'`,
  )
  expect((await post({ key: 'aged' })).status).toBe(201)
})

test('a key whose process has died is free at once', async () => {
  const first = await idOf(await post({ key: 'orphaned' }))
  const nobodys = `update idempotency_keys set status = null, holder = holder - 1 where key = 'orphaned'`
  await api.db.query(nobodys)
  const second = await post({ key: 'orphaned' })
  expect(second.status).toBe(201)
  expect(await idOf(second)).not.toBe(first)
})

test('bodies are kept as keyed hashes only', async () => {
  await post({ key: 'canary', json: { text: 'canary-text' } })
  const { rows } = await api.db.query<{ row: string }>(
    `select (idempotency_keys - 'response')::text as row from (
       select to_jsonb(idempotency_keys) as idempotency_keys from idempotency_keys where key = 'canary'
     ) kept`,
  )
  expect(rows[0]?.row).not.toContain('canary-text')
})
