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

type Document = {
  readonly api: {
    readonly endpoints: unknown
    readonly publishers_rules_uri: string
    readonly profile_schema_combined_uri: string
    readonly scopes_supported: readonly string[]
    readonly publishers_jwks: Readonly<Record<string, unknown>>
  }
}

async function get(headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return await api.call('/.well-known/mozilla-iam', { headers })
}

test('the well-known document names endpoints, rules and schema as CIS v2 does', async () => {
  const document = (await (await get()).json()) as Document // of its schema
  expect(document.api.endpoints).toEqual({ change: api.url, person: api.url })
  for (const url of [document.api.publishers_rules_uri, document.api.profile_schema_combined_uri]) {
    expect((await fetch(url)).status).toBe(200)
  }
  expect(document.api.scopes_supported).toContain('classification:workgroup')
})

test('the well-known document has the public keys of every publisher, and no private part', async () => {
  const response = await get()
  const text = await response.text()
  const document = JSON.parse(text) as Document // of its schema
  expect(Object.keys(document.api.publishers_jwks)).toEqual(
    Object.keys(publishers.document.publishers),
  )
  expect(text).not.toContain('"d":')
  const again = await get({ 'if-none-match': String(response.headers.get('etag')) })
  expect(again.status).toBe(304)
})
