import { request as httpRequest } from 'node:http'
import { startTestApi, type TestApi } from '../support/http.ts'
import { sendRaw } from '../support/raw-http.ts'
import { createQueryRoute, patchRow, postNote } from '../support/sample-routes.ts'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi({
    routes: [
      postNote,
      patchRow,
      createQueryRoute('/test/divide', 'select 1 / 0'),
      createQueryRoute(
        '/test/twice',
        'insert into data_keys values ($$a$$, $$b$$, $$c$$), ($$a$$, $$b$$, $$c$$)',
      ),
      createQueryRoute('/test/date', "select '987-65-4321'::date from nowhere"),
      createQueryRoute('/test/broken', "select '987-65-4321' from nowhere"),
    ],
  })
})
afterAll(async () => {
  await api.close()
})

const scope = 'al/note.write'

async function post(body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return await api.call('/test/notes/al', {
    method: 'POST',
    scope,
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

test.each([
  ['a broken object', '{"text": "a"', '400 malformed_json'],
  ['nothing', '', '400 malformed_json'],
  ['a comment', '{"text": "a"} // b', '400 malformed_json'],
  ['NaN', '{"text": NaN}', '400 malformed_json'],
  ['a byte order mark alone', '\uFEFF', '400 malformed_json'],
  ['a key twice', '{"text":"a","text":"b"}', '400 malformed_json'],
  ['a key twice, once escaped', '{"text":"a","te\\u0078t":"b"}', '400 malformed_json'],
  ['a key twice in a nested object', '{"text":"a","tags":[{"b":1,"b":2}]}', '400 malformed_json'],
  ['__proto__', '{"text":"a","__proto__":{}}', '400 malformed_json'],
  ['an escaped __proto__', '{"text":"a","\\u005f_proto__":{}}', '400 malformed_json'],
  ['constructor', '{"text":"a","constructor":{}}', '400 malformed_json'],
  ['a nested prototype', '{"text":"a","tags":[{"prototype":1}]}', '400 malformed_json'],
  [
    'deep nesting',
    `{"text":"a","tags":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    '400 malformed_json',
  ],
  ['an unknown field', '{"text":"a","more":1}', '422 invalid_body'],
  ['a missing field', '{}', '422 invalid_body'],
  ['a wrong type', '{"text":7}', '422 invalid_body'],
  ['no object', '"text"', '422 invalid_body'],
])('a POST with %s is refused', async (_, body, refusal) => {
  const response = await post(body)
  const { status, code } = (await response.json()) as { status: number; code: string }
  expect(`${status} ${code}`).toBe(refusal)
  expect(response.status).toBe(status)
})

test.each([
  ['/v2/status', 'required'],
  ['/v2/status?sequenceNumber=x', 'invalid_type'],
])('%s names the number that it lacks: %s', async (path, code) => {
  const { errors } = (await (await api.call(path, { scope: 'write' })).json()) as {
    errors: { pointer: string; code: string; detail: string }[]
  }
  expect(errors).toEqual([
    {
      pointer: '/sequenceNumber',
      code,
      detail: code === 'required' ? 'Missing' : 'Must be a number',
    },
  ])
})

test.each(['%zz', '%', '%ff%fe', '%ED%A0%80', '%c0%ae'])(
  'a path with %s in it names nothing',
  async (part) => {
    const response = await api.call(`/user/${part}`, {
      method: 'PUT',
      scope: 'user:write',
      json: { email: 'a@example.com', name: 'A' },
    })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'not_found' })
  },
)

test('a body that is not UTF-8 is refused', async () => {
  const response = await post(new Uint8Array([...Buffer.from('{"text":"'), 0xff, 0xfe, 0x22, 0x7d]))
  expect(response.status).toBe(400)
})

test('a faulty field is named by a JSON pointer', async () => {
  const response = await post('{"tags":["a",2],"a/b~c":1}')
  const { errors } = (await response.json()) as { errors: { pointer: string; code: string }[] }
  expect(errors.map(({ pointer, code }) => `${pointer} ${code}`).toSorted()).toEqual([
    '/a~1b~0c unknown_field',
    '/tags/1 invalid_type',
    '/text required',
  ])
})

test.each([
  [undefined],
  ['text/plain'],
  ['application/x-www-form-urlencoded'],
  ['application/json; charset=iso-8859-1'],
  ['application/jsonp'],
])('a POST of type %s is a 415', async (type) => {
  const body = Buffer.from('{"text":"a"}')
  const response = await post(
    body,
    type === undefined ? { 'content-type': '' } : { 'content-type': type },
  )
  expect(response.status).toBe(415)
})

test('a compressed body is a 415', async () => {
  const response = await post('{"text":"a"}', { 'content-encoding': 'gzip' })
  expect(response.status).toBe(415)
})

test('the charset UTF-8 and any case of the type are taken', async () => {
  const response = await post('{"text":"a"}', {
    'content-type': 'Application/JSON; charset="UTF-8"',
  })
  expect(response.status).toBe(201)
})

test('a body over 1 MiB is a 413 that reaches the caller', async () => {
  const response = await post(`{"text":"${'a'.repeat(1024 * 1024)}"}`)
  expect(response.status).toBe(413)
  expect(await response.json()).toMatchObject({ code: 'body_too_large' })
})

test('a body without length is cut off at 1 MiB', async () => {
  const token = await api.token(scope)
  const status = await new Promise<number | undefined>((resolve) => {
    const request = httpRequest(`${api.url}/test/notes/al`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    request.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
      request.destroy()
    })
    request.on('error', () => {})
    const chunk = Buffer.alloc(64 * 1024, 0x20)
    const pump = (): void => {
      if (!request.destroyed) request.write(chunk, () => setImmediate(pump))
    }
    pump()
  })
  expect(status).toBe(413)
})

test.each([
  ['/test/notes/al?more=1', 400],
  ['/test/notes/al?dryRun=true', 201],
  ['/test/notes/al?dryRun=maybe', 400],
  ['/test/notes/al?dryRun=true&dryRun=true', 400],
])('POST %s answers %i', async (path, status) => {
  const response = await api.call(path, { method: 'POST', scope, json: { text: 'a' } })
  expect(response.status).toBe(status)
})

test('an unknown query parameter of a read is ignored', async () => {
  const response = await api.call('/healthz?more=1')
  expect(response.status).toBe(200)
})

test('a path parameter that breaks its rule is a 404', async () => {
  const response = await api.call('/test/notes/ALABAMA', {
    method: 'POST',
    scope,
    json: { text: 'a' },
  })
  expect(response.status).toBe(404)
})

test.each(['/', '/nothing', '/v1', '/v1/audit/', '/V1/audit', '/healthz/..%2f', '/%', '/%E0%A4%A'])(
  'the unknown path %s is a 404 problem',
  async (path) => {
    const { status, headers } = await sendRaw(api.port, [
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ])
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json'])
  },
)

test.each(['POST', 'DELETE', 'TRACE', 'QUERY', 'PROPFIND', 'CONNECT', 'FOO', 'LONGUNKNOWNMETHOD'])(
  '%s on a known path is a 405 with Allow, elsewhere a 404',
  async (method) => {
    const known = await sendRaw(api.port, [
      `${method} /healthz?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ])
    expect(known.status).toBe(405)
    expect(known.headers).toMatchObject({
      allow: 'GET, HEAD, OPTIONS',
      'content-type': 'application/problem+json',
      'x-content-type-options': 'nosniff',
    })
    const unknown = await sendRaw(api.port, [
      `${method} /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ])
    expect(unknown.status).toBe(404)
  },
)

test('OPTIONS names the methods of a path and opens no other origin', async () => {
  const response = await api.call('/test/row', {
    method: 'OPTIONS',
    headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'PATCH' },
  })
  expect(response.status).toBe(204)
  expect(response.headers.get('allow')).toBe('OPTIONS, PATCH')
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual(
    [],
  )
})

test('HEAD answers like GET without a body', async () => {
  const response = await api.call('/healthz', { method: 'HEAD' })
  expect([response.status, await response.text()]).toEqual([200, ''])
  expect(response.headers.get('content-type')).toBe('application/json')
})

test('a request id of the caller is kept, and is that of the problem', async () => {
  const response = await api.call('/nothing', { headers: { 'x-request-id': 'abc-1.2_3' } })
  expect(response.headers.get('x-request-id')).toBe('abc-1.2_3')
  expect(await response.json()).toMatchObject({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    instance: '/nothing',
    code: 'not_found',
    requestId: 'abc-1.2_3',
  })
})

test.each(['a b', '', 'a'.repeat(129), 'ä', '<x>'])(
  'the request id "%s" is replaced',
  async (id) => {
    const { headers } = await sendRaw(api.port, [
      `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
    ])
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  },
)

test('answers name no framework, are not sniffed, and those to a token not stored', async () => {
  const response = await api.call('/v1/audit', { scope: 'audit:read' })
  const headers = Object.fromEntries(response.headers)
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['x-powered-by', 'server']))
})

test.each([
  [undefined, 428],
  ['"6"', 412],
  ['W/"7"', 412],
  ['7', 412],
  ['"7"', 204],
  ['"1", "7"', 204],
  ['*', 204],
])('If-Match %s answers %i', async (tag, status) => {
  const headers = tag === undefined ? {} : { 'if-match': tag }
  const response = await api.call('/test/row', { method: 'PATCH', scope: '', headers })
  expect(response.status).toBe(status)
})

test.each([
  ['/test/divide', 422, 'invalid_value'],
  ['/test/twice', 409, 'conflict'],
  ['/test/broken', 500, 'internal_error'],
])('an error of PostgreSQL at %s becomes %i without its text', async (path, status, code) => {
  const response = await api.call(path, { scope: '' })
  const text = await response.text()
  expect([response.status, (JSON.parse(text) as { code: string }).code]).toEqual([status, code])
  expect(text).not.toMatch(/division|duplicate|nowhere|select|insert/)
})

test('a failure is logged under its request id, without what the row holds', async () => {
  await api.call('/test/date', { scope: '', headers: { 'x-request-id': 'find-date' } })
  await api.call('/test/broken', { scope: '', headers: { 'x-request-id': 'find-me' } })
  const line = api.logLines.find(
    (entry) => entry.includes('find-me') && entry.includes('"level":50'),
  )
  expect(JSON.parse(line ?? '{}')).toMatchObject({ error: { cause: { sqlState: '42P01' } } })
  expect(api.logLines.join('')).not.toContain('987-65-4321')
})
