import { bookAttempt } from '../../db/profile/deliveries.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestProfile, recordTestChange, storeTestProfile } from '../support/profiles.ts'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
})
afterAll(async () => await api.close())

test('GET /v1/changes/{serial} says of every sink how far it is, and since when', async () => {
  const { id } = await storeTestProfile(api.db, createTestProfile())
  const sinks = ['directory', 'replica']
  const change = { profileId: id, version: 2, changed: ['tags'], sinks }
  const serial = await recordTestChange(api.db, change)
  const code = 'directory_unreachable'
  await bookAttempt(api.db, { profileId: id, sink: 'directory' }, { serial, code })
  const token = await api.token('change:read')
  const headers = { authorization: `Bearer ${token}` }
  const answer = await api.call(`/v1/changes/${serial}`, { headers })
  const body: unknown = await answer.json()
  const at = expect.stringMatching(/^20\d\d-.*Z$/) as string
  expect(body).toMatchObject({
    sinks: [
      { name: 'directory', state: 'pending', attempts: 1, at, error: { code } },
      { name: 'replica', state: 'pending', attempts: 0 },
    ],
  })
  expect(body).not.toHaveProperty('sinks.1.at')
})
