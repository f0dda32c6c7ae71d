import { appendAudit } from '../../db/audit.ts'
import { startTestApi, type TestApi } from '../support/http.ts'

type Page = {
  readonly items: { readonly seq: number; readonly actor: string }[]
  readonly next: string | null
}

const COUNT = 7
let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
  await appendAudit(
    api.db,
    Array.from({ length: COUNT }, (_, index) => ({
      actor: `actor-${index}`,
      action: 'upload.received',
      subject: { type: 'upload', id: index % 2 === 0 ? 'even' : 'odd' },
      ...(index === 0 ? { after: Buffer.from('cafe', 'hex') } : {}),
      cause: { requestId: `request-${index}` },
    })),
  )
})
afterAll(async () => {
  await api.close()
})

async function get(path: string): Promise<Page> {
  const response = await api.call(path, { scope: 'audit:read' })
  expect(response.status).toBe(200)
  return (await response.json()) as Page
}

test('GET /v1/audit lists who did what to what, and why', async () => {
  const { items, next } = await get('/v1/audit')
  expect(items).toHaveLength(COUNT)
  expect(next).toBeNull()
  expect(items[0]).toEqual({
    seq: expect.any(Number) as number,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    actor: 'actor-0',
    action: 'upload.received',
    subject: { type: 'upload', id: 'even' },
    after: 'cafe',
    cause: { requestId: 'request-0' },
  })
})

test('pages follow each other by cursor and by Link without gap or repetition', async () => {
  const seen: string[] = []
  let path: string | undefined = '/v1/audit?limit=3'
  while (path !== undefined) {
    const response = await api.call(path, { scope: 'audit:read' })
    const { items, next } = (await response.json()) as Page
    seen.push(...items.map(({ actor }) => actor))
    path = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    expect(path === undefined).toBe(next === null)
  }
  expect(seen).toEqual(Array.from({ length: COUNT }, (_, index) => `actor-${index}`))
})

test('entries are found by subject and after a seq', async () => {
  const { items } = await get('/v1/audit?subject=upload:odd')
  expect(items.map(({ actor }) => actor)).toEqual(['actor-1', 'actor-3', 'actor-5'])
  const { items: later } = await get(`/v1/audit?subject=odd&after=${items[1]?.seq}`)
  expect(later.map(({ actor }) => actor)).toEqual(['actor-5'])
})

test('a cursor serves the list that gave it, unchanged', async () => {
  const { next } = await get('/v1/audit?limit=2')
  const cursor = encodeURIComponent(next ?? '')
  for (const path of [
    `/v1/audit?subject=odd&cursor=${cursor}`,
    `/v1/audit?cursor=${cursor}x`,
    `/v1/audit?cursor=x${cursor}`,
    '/v1/audit?cursor=1',
  ]) {
    const response = await api.call(path, { scope: 'audit:read' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_cursor' })
  }
})

test.each([
  'limit=0',
  'limit=101',
  'limit=x',
  'limit=1.5',
  'after=-1',
  'after=1e400',
  'after=99999999999999999999',
  'subject=',
  'cursor=',
  'limit=1&limit=2',
])('%s is a 400', async (query) => {
  const response = await api.call(`/v1/audit?${query}`, { scope: 'audit:read' })
  expect(response.status).toBe(400)
})

test('the whole log comes as JSON lines with its seals on request', async () => {
  const response = await api.call('/v1/audit', {
    scope: 'audit:read',
    headers: { accept: 'application/x-ndjson' },
  })
  expect(response.headers.get('content-type')).toBe('application/x-ndjson')
  const lines = (await response.text()).trimEnd().split('\n')
  const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind)
  expect(kinds).toEqual([...Array.from({ length: COUNT }, () => 'entry'), 'seal'])
})

test('the log needs its scope', async () => {
  expect((await api.call('/v1/audit')).status).toBe(401)
  expect((await api.call('/v1/audit', { scope: 'aslp/admin audit' })).status).toBe(403)
})
