import { randomUUID } from 'node:crypto'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'

let publishers: TestPublishers
let api: TestApi

beforeAll(async () => {
  publishers = await createTestPublishers()
  api = await startTestApi({ env: { PUBLISHERS_FILE: publishers.file } })
})
afterAll(async () => {
  await api.close()
  await publishers.close()
})

test('what is too long to be found again is refused as such', async () => {
  const random = Array.from({ length: 4_000 }, () => randomUUID()).join('')
  const json = await publishers.signAll('ldap', { user_id: `email|${random}` })
  const token = await api.token('write', { publisher: 'ldap' })
  const headers = { authorization: `Bearer ${token}` }
  const response = await api.call('/v2/user', { method: 'POST', headers, json })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({ code: 'invalid_value' })
})
