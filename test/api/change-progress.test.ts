import { bookAttempt, settleFailed } from '../../db/profile/deliveries.ts'
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

test('a dead letter of a sink that is no longer configured stays one', async () => {
  const { id } = await storeTestProfile(api.db, createTestProfile({ seed: 2, userId: 'ad|test|2' }))
  const change = { profileId: id, version: 2, changed: ['tags'], sinks: ['gone'] }
  const serial = await recordTestChange(api.db, change)
  const failed = { serial, fence: 0, code: 'ldap_65' }
  await settleFailed(api.db, { profileId: id, sink: 'gone' }, failed)
  const headers = { authorization: `Bearer ${await api.token('propagation:write')}` }
  const list = async (): Promise<{ id: string }[]> => {
    const answer = await api.call('/v1/dead-letters?sink=gone', { headers })
    return ((await answer.json()) as { items: { id: string }[] }).items // by its schema
  }
  const [letter] = await list()
  const path = `/v1/dead-letters/${letter?.id}/redrive`
  const answer = await api.call(path, { method: 'POST', headers })
  expect(answer.status).toBe(409)
  expect(await answer.json()).toMatchObject({ code: 'sink_not_configured' })
  expect(await list()).toEqual([letter])
})
