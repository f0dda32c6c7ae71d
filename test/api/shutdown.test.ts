import { Readable } from 'node:stream'
import { defineRoute } from '../../api/guard.ts'
import { startTestApi } from '../support/http.ts'
import { createSlowRoute } from '../support/sample-routes.ts'

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
