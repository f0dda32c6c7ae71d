import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { defineRoute } from '../../api/guard.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { sendRaw } from '../support/raw-http.ts'
import { createSlowRoute, postNote } from '../support/sample-routes.ts'

const ENDLESS = Buffer.alloc(64 * 1024, 'a')

const getEndless = defineRoute(
  {
    method: 'GET',
    path: '/test/endless',
    operationId: 'getEndless',
    summary: 'Never ends by itself',
    tags: ['test'],
    auth: 'public',
    responses: { 200: { description: 'Bytes', contentType: 'text/plain' } },
  },
  async () =>
    await Promise.resolve({
      status: 200,
      headers: { 'Content-Type': 'text/plain' },
      body: new Readable({
        read() {
          this.push(ENDLESS)
        },
      }),
    }),
)

const slow = createSlowRoute()
let api: TestApi

beforeAll(async () => {
  api = await startTestApi({
    routes: [postNote, slow.route, getEndless],
    limits: { headMs: 300, idleMs: 900, drainMs: 300, graceMs: 500 },
  })
})
afterAll(async () => {
  slow.release()
  await api.close()
})

async function head(path: string, lines: readonly string[]): Promise<string> {
  const token = await api.token('al/note.write')
  return [
    `POST ${path} HTTP/1.1`,
    'Host: a',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n')
}

test('a connection that says nothing is closed', async () => {
  const { elapsedMs } = await sendRaw(api.port, [])
  expect(elapsedMs).toBeLessThan(20_000)
})

test('a head that is never finished is a 408', async () => {
  const { status, headers } = await sendRaw(api.port, ['GET /healthz HTTP/1.1\r\nHost: a\r\n'])
  expect([status, headers['content-type']]).toEqual([408, 'application/problem+json'])
})

test('a head that comes in drops is cut off all the same', async () => {
  let timer: NodeJS.Timeout | undefined
  const { status } = await sendRaw(api.port, ['GET /healthz HTTP/1.1\r\nHost: a\r\n'], {
    onConnect: (socket) => {
      timer = setInterval(() => socket.write('X-A: b\r\n'), 50)
    },
  })
  clearInterval(timer)
  expect(status).toBe(408)
})

test('a body that stands still is a 408', async () => {
  const { status } = await sendRaw(api.port, [
    await head('/test/notes/al', ['Content-Length: 12']),
    '{"text"',
  ])
  expect(status).toBe(408)
})

test('a body that moves slowly is taken', async () => {
  const body = '{"text":"abcdefghij"}'
  const { status } = await sendRaw(
    api.port,
    [await head('/test/notes/al', [`Content-Length: ${body.length}`, 'Connection: close'])],
    {
      onConnect: (socket) => {
        let sent = 0
        const timer = setInterval(() => {
          socket.write(body.slice(sent, sent + 1))
          sent += 1
          if (sent === body.length) clearInterval(timer)
        }, 60)
      },
    },
  )
  expect(status).toBe(201)
})

test('a body that breaks off costs nothing but its own request', async () => {
  await sendRaw(api.port, [await head('/test/notes/al', ['Content-Length: 12']), '{"te'], {
    onConnect: (socket) => setImmediate(() => socket.destroy()),
  })
  expect((await api.call('/healthz')).status).toBe(200)
})

test('a refused body is dropped for a while and then cut off', async () => {
  const { status } = await sendRaw(api.port, [
    await head('/test/notes/al', ['Transfer-Encoding: chunked', 'Content-Encoding: gzip']),
  ])
  expect(status).toBe(415)
})

test('a caller that does not read its answer is cut off', async () => {
  const closed = await new Promise<boolean>((resolve) => {
    const socket = connect(api.port, '127.0.0.1', () => {
      socket.pause()
      socket.write('GET /test/endless HTTP/1.1\r\nHost: a\r\n\r\n')
      // Reading again drains what the kernel holds and then meets the end.
      setTimeout(() => socket.resume(), 2_000)
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(true))
  })
  expect(closed).toBe(true)
})

test('a handler may think longer than a caller may be idle', async () => {
  const answer = api.call('/test/slow', { method: 'POST', scope: '', json: { text: 'a' } })
  setTimeout(() => slow.release(), 1_500)
  expect((await answer).status).toBe(201)
})

test.each([
  ['a head of 80 KiB', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(80 * 1024)}\r\n\r\n`, 431],
  ['noise', `${randomBytes(64).toString('base64')}\r\n\r\n`, 400],
  ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', 400],
  [
    'two lengths',
    'POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    400,
  ],
  [
    'a length beside chunks',
    'POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ['a bare line feed in a header', 'GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400],
])('%s is refused', async (_, bytes, status) => {
  const answer = await sendRaw(api.port, [bytes])
  expect([answer.status, answer.headers['content-type']]).toEqual([
    status,
    'application/problem+json',
  ])
})

test('a wrong chunk size breaks the request off', async () => {
  const { status } = await sendRaw(api.port, [
    await head('/test/notes/al', ['Transfer-Encoding: chunked']),
    'ZZ\r\n{}\r\n0\r\n\r\n',
  ])
  expect(status).toBe(400)
})

test('a refused body is read to its end also where the connection is to be closed afterwards', async () => {
  const patient = await startTestApi({
    routes: [postNote],
    limits: { headMs: 60_000, idleMs: 60_000, drainMs: 60_000, graceMs: 500 },
  })
  const rest = Buffer.alloc(4_000_000, 'a')
  const errors: Error[] = []
  let answer = ''
  await new Promise<void>((resolve) => {
    const socket = connect({ port: patient.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(
      `POST /test/notes/al HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${rest.length}\r\n\r\n`,
    )
    socket.on('data', (part: Buffer) => {
      answer += part.toString()
    })
    socket.on('end', () => socket.end(rest))
    socket.on('error', (error) => errors.push(error))
    socket.on('close', () => resolve())
  })
  await patient.close()
  expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  expect(errors).toEqual([])
})
