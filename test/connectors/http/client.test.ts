import { createServer, type Server } from 'node:net'
import { pino } from 'pino'
import { createHttpClient, type HttpClient } from '../../../connectors/http/client.ts'
import type { Resolve } from '../../../connectors/http/lookup.ts'
import { createCertificate } from '../../support/certificate.ts'
import { behaviours, startReceiver, type Receiver } from '../../support/receiver.ts'
import { silentLog } from '../../support/temporal.ts'

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }]

let receiver: Receiver
let client: HttpClient

beforeAll(async () => {
  receiver = await startReceiver()
  client = createHttpClient({ allowPrivateTargets: true, log: silentLog })
})
beforeEach(() => receiver.behave(behaviours.status(204)))
afterAll(async () => {
  client.close()
  await receiver.close()
})

function createGuarded(resolve: Resolve): HttpClient {
  return createHttpClient({ allowPrivateTargets: false, log: silentLog, resolve })
}

function failsWith(code: string, status: number): unknown {
  return expect.objectContaining({ code, status })
}

test('send() sends method, path, headers and body, and brings back what was answered', async () => {
  receiver.behave(behaviours.json({ ok: true }, { 'x-extra': 'yes' }))
  const answer = await client.send({
    url: `${receiver.url}/a/b?c=d`,
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: 'naïve',
  })
  expect(answer).toMatchObject({ status: 200, headers: { 'x-extra': 'yes' } })
  expect(answer.body.toString()).toBe('{"ok":true}')
  expect(receiver.requests.at(-1)).toMatchObject({
    method: 'POST',
    url: '/a/b?c=d',
    headers: { 'content-type': 'text/plain', 'content-length': '6' },
    body: 'naïve',
  })
})

test('send() keeps its connection for the next call', async () => {
  await client.send({ url: receiver.url })
  await client.send({ url: receiver.url })
  const [one, other] = receiver.requests.slice(-2)
  expect(one?.port).toBe(other?.port)
})

test('send() follows no redirect', async () => {
  const before = receiver.requests.length
  receiver.behave(behaviours.redirect('http://169.254.169.254/latest/meta-data/'))
  const answer = await client.send({ url: receiver.url })
  expect(answer.status).toBe(302)
  expect(receiver.requests.length).toBe(before + 1)
})

test('send() gives up when the answer takes too long', async () => {
  receiver.behave(behaviours.hang)
  const call = client.send({ url: `${receiver.url}/key?token=hunter2`, timeoutMs: 50 })
  await expect(call).rejects.toEqual(failsWith('target_timeout', 504))
  await expect(call).rejects.toThrow(
    `Cannot wait for "127.0.0.1:${receiver.port}" any longer: it took more than 50 ms`,
  )
})

test('send() gives up when the body stands still', async () => {
  receiver.behave(behaviours.stall)
  await expect(client.send({ url: receiver.url, timeoutMs: 50 })).rejects.toEqual(
    failsWith('target_timeout', 504),
  )
})

test('send() gives up on a server that does not agree on TLS', async () => {
  const mute: Server = createServer((socket) => void socket.resume())
  await new Promise<void>((resolve) => void mute.listen(0, '127.0.0.1', resolve))
  const port = (mute.address() as { port: number }).port
  const call = client.send({ url: `https://127.0.0.1:${port}`, connectTimeoutMs: 50 })
  await expect(call).rejects.toEqual(failsWith('target_timeout', 504))
  await new Promise((resolve) => void mute.close(resolve))
})

test('send() stops when its signal is aborted, before and during a call', async () => {
  const controller = new AbortController()
  receiver.behave(() => controller.abort())
  const { signal } = controller
  const aborted = failsWith('call_aborted', 503)
  await expect(client.send({ url: receiver.url, signal })).rejects.toEqual(aborted)
  const count = receiver.requests.length
  await expect(client.send({ url: receiver.url, signal })).rejects.toEqual(aborted)
  expect(receiver.requests.length).toBe(count)
})

test('send() refuses a body that is too large', async () => {
  receiver.behave(behaviours.flood)
  const call = client.send({ url: receiver.url, maxBytes: 100_000 })
  await expect(call).rejects.toEqual(failsWith('answer_too_large', 502))
})

test('send() takes the status of an endless or broken body that does not matter', async () => {
  receiver.behave(behaviours.flood)
  const flooded = await client.send({ url: receiver.url, maxBytes: 1000, ignoresBody: true })
  receiver.behave(behaviours.cutOff)
  const broken = await client.send({ url: receiver.url, ignoresBody: true })
  expect([flooded.status, broken.status, flooded.body.length]).toEqual([200, 200, 0])
})

test('send() fails when the answer is cut off', async () => {
  receiver.behave(behaviours.cutOff)
  await expect(client.send({ url: receiver.url })).rejects.toEqual(
    failsWith('target_unreachable', 502),
  )
})

test('send() fails when nobody listens, and names the host alone', async () => {
  const gone = await startReceiver()
  await gone.close()
  await expect(client.send({ url: `${gone.url}/secret-path` })).rejects.toThrow(
    new RegExp(`^Cannot call "127.0.0.1:${gone.port}": ECONNREFUSED$`),
  )
})

test('send() repeats a call on a new connection when the kept one was closed', async () => {
  const fresh = await startReceiver()
  await client.send({ url: fresh.url })
  const keptPort = fresh.requests[0]?.port
  fresh.behave((response, { port }) => {
    if (port === keptPort) response.socket?.destroy()
    else response.writeHead(200).end()
  })
  const answer = await client.send({ url: fresh.url, method: 'POST', isRepeatable: true })
  expect([answer.status, fresh.requests.length]).toEqual([200, 3])
  await fresh.close()
})

test('send() does not repeat a POST that may not be', async () => {
  const fresh = await startReceiver()
  await client.send({ url: fresh.url })
  fresh.behave(behaviours.hangUp)
  await expect(client.send({ url: fresh.url, method: 'POST' })).rejects.toEqual(
    failsWith('target_unreachable', 502),
  )
  expect(fresh.requests.length).toBe(2)
  await fresh.close()
})

test('send() refuses a certificate that nobody vouches for', async () => {
  const certificate = await createCertificate('localhost')
  const secure = await startReceiver({ certificate })
  await expect(client.send({ url: secure.url })).rejects.toEqual(failsWith('tls_failed', 502))
  expect(secure.requests).toEqual([])
  await secure.close()
})

test('send() keeps the name for TLS and Host when it connects to an address', async () => {
  const certificate = await createCertificate('hooks.example')
  const secure = await startReceiver({ certificate })
  const asked: string[] = []
  const named = createHttpClient({
    allowPrivateTargets: true,
    log: silentLog,
    ca: certificate.cert,
    resolve: async (host) => {
      asked.push(host)
      return await Promise.resolve(LOOPBACK)
    },
  })
  await named.send({ url: `https://hooks.example:${secure.port}/` })
  const other = named.send({ url: `https://other.example:${secure.port}/` })
  await expect(other).rejects.toEqual(failsWith('tls_failed', 502))
  expect(asked).toEqual(['hooks.example', 'other.example'])
  expect(secure.requests).toMatchObject([
    { serverName: 'hooks.example', headers: { host: `hooks.example:${secure.port}` } },
  ])
  named.close()
  await secure.close()
})

test.each([
  ['http://127.0.0.1:1/'],
  ['http://169.254.169.254/latest/meta-data/'],
  ['http://[::1]:1/'],
  ['http://[::ffff:10.0.0.1]/'],
])('send() refuses %s', async (url) => {
  const guarded = createGuarded(async () => await Promise.reject(new Error('asked')))
  await expect(guarded.send({ url })).rejects.toEqual(failsWith('target_refused', 400))
  await expect(guarded.assertCallable(url)).rejects.toEqual(failsWith('target_refused', 400))
  guarded.close()
})

test('send() refuses a name with a private address among its public ones', async () => {
  const mixed = [{ address: '93.184.216.34', family: 4 }, ...LOOPBACK]
  const guarded = createGuarded(async () => await Promise.resolve(mixed))
  const url = `http://hooks.example:${receiver.port}/secret-path`
  await expect(guarded.send({ url })).rejects.toThrow(
    /^Cannot call "hooks.example": it is not on the public Internet$/,
  )
  await expect(guarded.assertCallable(url)).rejects.toEqual(failsWith('target_refused', 400))
  guarded.close()
})

test('send() judges a name anew for each connection: an earlier answer opens nothing', async () => {
  const answers = ['93.184.216.34', '127.0.0.1']
  const rebinding = createGuarded(async () => {
    return await Promise.resolve([{ address: answers.shift() ?? '', family: 4 }])
  })
  const before = receiver.requests.length
  const url = `http://rebind.example:${receiver.port}/`
  await rebinding.assertCallable(url)
  await expect(rebinding.send({ url })).rejects.toEqual(failsWith('target_refused', 400))
  expect([answers, receiver.requests.length]).toEqual([[], before])
  rebinding.close()
})

test('send() connects to what its one look-up found, whatever the next would say', async () => {
  const answers = ['127.0.0.1', '169.254.169.254']
  const rebinding = createHttpClient({
    allowPrivateTargets: true,
    log: silentLog,
    resolve: async () => await Promise.resolve([{ address: answers.shift() ?? '', family: 4 }]),
  })
  const answer = await rebinding.send({ url: `http://rebind.example:${receiver.port}/` })
  expect([answer.status, answers]).toEqual([204, ['169.254.169.254']])
  rebinding.close()
})

test('send() reaches private addresses that an operator has set', async () => {
  const guarded = createGuarded(async () => await Promise.resolve(LOOPBACK))
  const url = `http://sink.internal:${receiver.port}/`
  expect((await guarded.send({ url, isTrusted: true })).status).toBe(204)
  // The connection that was kept is not lent to calls that are judged.
  await expect(guarded.send({ url })).rejects.toEqual(failsWith('target_refused', 400))
  guarded.close()
})

test('assertCallable() passes names that are public or unknown now', async () => {
  const known = createGuarded(
    async () => await Promise.resolve([{ address: '1.1.1.1', family: 4 }]),
  )
  await expect(known.assertCallable('https://hooks.example/')).resolves.toBeUndefined()
  const unknown = createGuarded(async () => await Promise.reject(new Error('ENOTFOUND')))
  await expect(unknown.assertCallable('https://hooks.example/')).resolves.toBeUndefined()
})

test('createHttpClient() warns when private addresses may be called', () => {
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => void lines.push(line) })
  createHttpClient({ allowPrivateTargets: false, log }).close()
  expect(lines).toEqual([])
  createHttpClient({ allowPrivateTargets: true, log }).close()
  expect(lines.join('')).toContain('ALLOW_PRIVATE_TARGETS')
})
