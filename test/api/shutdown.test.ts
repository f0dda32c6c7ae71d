import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { defineRoute } from '../../api/guard.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { waitUntil } from '../support/polling.ts'
import { createSlowRoute } from '../support/sample-routes.ts'
import { getForm } from '../support/uploads.ts'

const getTicks = defineRoute(
  {
    method: 'GET',
    path: '/test/ticks',
    operationId: 'getTicks',
    summary: 'Goes on until the process stops',
    tags: ['test'],
    auth: 'public',
    responses: { 200: { description: 'Ticks', contentType: 'text/plain' } },
  },
  async (_, { stopping }) => {
    const body = new Readable({ read() {} })
    body.push('tick')
    stopping.addEventListener('abort', () => body.push(null))
    return await Promise.resolve({ status: 200, headers: { 'Content-Type': 'text/plain' }, body })
  },
)

test('a stop lets a request finish, ends streams and refuses new connections', async () => {
  const slow = createSlowRoute()
  const api = await startTestApi({ routes: [slow.route, getTicks] })
  const ticks = await api.call('/test/ticks')
  const answer = api.call('/test/slow', { method: 'POST', scope: '', json: { text: 'a' } })
  // The slow one has to have begun.
  await api.waitForLog('slow request began')
  const stopped = api.close()
  expect(await ticks.text()).toBe('tick')
  await expect(fetch(`${api.url}/healthz`)).rejects.toThrow('fetch failed')
  slow.release()
  expect((await answer).status).toBe(201)
  await stopped
})

test('a request that never ends does not hold the stop up', async () => {
  const slow = createSlowRoute()
  const api = await startTestApi({ routes: [slow.route], limits: { graceMs: 300 } })
  const answer = api.call('/test/slow', { method: 'POST', scope: '', json: { text: 'a' } })
  await api.waitForLog('slow request began')
  await Promise.all([api.close(), expect(answer).rejects.toThrow('fetch failed')])
  slow.release()
})

test('a request that a stop cuts off puts away what it has before the database is let go', async () => {
  let outcome: unknown
  const tidy = defineRoute(
    {
      method: 'GET',
      path: '/test/tidy',
      operationId: 'tidy',
      summary: 'Works until it is cut off, and then puts away what it has',
      tags: ['test'],
      auth: 'public',
      responses: { 200: { description: 'Never' } },
    },
    async ({ signal, log }, { db }) => {
      log.info('begun')
      await once(signal, 'abort')
      const putAway = async (): Promise<void> => {
        for (let step = 0; step < 20; step += 1) await db.query('select 1')
      }
      outcome = await putAway().then(() => 'put away', String)
      return { status: 200 }
    },
  )
  const api = await startTestApi({ routes: [tidy], limits: { graceMs: 300 } })
  const answer = api.call('/test/tidy')
  await api.waitForLog('begun')
  await Promise.all([api.close(), expect(answer).rejects.toThrow('fetch failed')])
  expect(outcome).toBe('put away')
})

test('an upload that a stop breaks off leaves nothing behind', async () => {
  const blobs = await mkdtemp(join(tmpdir(), 'registrar-blobs-'))
  const api = await startTestApi({ env: { BLOB_URL: `file:${blobs}` }, limits: { graceMs: 300 } })
  const listFiles = async (): Promise<string[]> => {
    const names = await readdir(blobs, { recursive: true })
    return names.filter((name) => name.includes('.csv'))
  }
  await beginUpload(api)
  await waitUntil('a part of the file is written', async () => (await listFiles()).length === 1)
  await api.close()
  await expect(listFiles()).resolves.toEqual([])
  await rm(blobs, { recursive: true })
})

/** Sends the first part of an upload and no more. */
async function beginUpload(api: TestApi): Promise<void> {
  const { upload } = await getForm(api)
  const fields = Object.entries({ ...upload.fields, 'Content-Type': 'text/csv' })
  const parts = fields.map(([name, value]) => toPart(`name="${name}"`, `${value}\r\n`))
  const file = toPart('name="file"; filename="a.csv"', 'x'.repeat(100_000))
  const request = httpRequest(upload.url, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '1000000' },
  })
  request.on('error', () => {})
  request.write(`${parts.join('')}${file}`)
}

function toPart(disposition: string, content: string): string {
  return `--b\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n${content}`
}
