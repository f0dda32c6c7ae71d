import { endUpload } from '../../db/upload-closing.ts'
import { advanceUpload } from '../../db/uploads.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { alabamaScope as scope, seedChunk, seedUpload } from '../support/uploads.ts'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterAll(async () => await api.close())

type Event = { readonly id: number; readonly state: string }

async function listen(uploadId: string, lastEventId?: number): Promise<Response> {
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': String(lastEventId) }
  return await api.call(`/v1/uploads/${uploadId}/events`, { scope, headers })
}

async function* readEvents(response: Response): AsyncGenerator<Event> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of response.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const id = /^id: (\d+)$/m.exec(text.slice(0, end))?.[1]
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1]
      text = text.slice(end + 2)
      if (id === undefined || data === undefined) continue
      const { state } = JSON.parse(data) as { state: string } // what the upload answers
      yield { id: Number(id), state }
    }
  }
}

async function collect(response: Response): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of readEvents(response)) events.push(event)
  return events
}

test('events follow an upload to its end, with growing ids', async () => {
  const uploadId = await seedUpload(api.db)
  const response = await listen(uploadId)
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const events = readEvents(response)
  const first = await events.next()
  await advanceUpload(api.db, uploadId, 'validating')
  const second = await events.next()
  await seedChunk(api.db, { uploadId, chunk: 0, rows: 5, applied: true })
  const third = await events.next()
  await endUpload(api.db, { uploadId, state: 'completed' })
  const fourth = await events.next()
  const seen = [first, second, third, fourth].map(({ value }) => value as Event) // none is done
  expect(seen.map(({ state }) => state)).toEqual([
    'received',
    'validating',
    'validating',
    'completed',
  ])
  const ids = seen.map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
  await expect(events.next()).resolves.toMatchObject({ done: true })
})

test('a listener that comes back is sent only what is new', async () => {
  const uploadId = await seedUpload(api.db)
  const events = readEvents(await listen(uploadId))
  const first = (await events.next()).value as Event // it has not ended
  await events.return(undefined)
  const resumed = collect(await listen(uploadId, first.id))
  await endUpload(api.db, { uploadId, state: 'cancelled' })
  const [next, ...rest] = await resumed
  expect(next).toMatchObject({ state: 'cancelled' })
  expect(next?.id).toBeGreaterThan(first.id)
  expect(rest).toEqual([])
})

test('an upload that has ended sends its closing state once', async () => {
  const uploadId = await seedUpload(api.db)
  await endUpload(api.db, { uploadId, state: 'completed' })
  const events = await collect(await listen(uploadId))
  expect(events.map(({ state }) => state)).toEqual(['completed'])
  expect((await listen(uploadId, events[0]?.id)).status).toBe(204)
})

test('fifty listeners of an upload all hear its end', async () => {
  const uploadId = await seedUpload(api.db)
  const listeners = await Promise.all(
    Array.from({ length: 50 }, async () => await listen(uploadId)),
  )
  const collected = listeners.map(collect)
  await endUpload(api.db, { uploadId, state: 'completed' })
  for (const events of await Promise.all(collected)) {
    expect(events.at(-1)?.state).toBe('completed')
  }
})

test('a stream ends when the API stops', async () => {
  const stopping = await startTestApi()
  const uploadId = await seedUpload(stopping.db)
  const response = await stopping.call(`/v1/uploads/${uploadId}/events`, { scope })
  const events = collect(response)
  await stopping.close()
  await expect(events).resolves.toHaveLength(1)
})
