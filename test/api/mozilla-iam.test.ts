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

test('the well-known document has the public keys of every publisher, and no private part', async () => {
  const response = await api.call('/.well-known/mozilla-iam')
  const text = await response.text()
  const document = JSON.parse(text)
  expect(Object.keys(document.api.publishers_jwks)).toEqual(
    Object.keys(publishers.document.publishers),
  )
  expect(text).not.toContain('"d":')
  const etag = String(response.headers.get('etag'))
  const again = await api.call('/.well-known/mozilla-iam', { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
})
