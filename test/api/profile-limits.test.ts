import { randomUUID } from 'node:crypto'
import type { PublisherName } from '../../core/profile/document.ts'
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

type Refusal = { readonly code: string; readonly errors?: { readonly pointer: string }[] }
type Sending = {
  readonly publisher?: PublisherName
  readonly query?: string
  readonly tail?: string
}

async function send(json: unknown, sending: Sending = {}): Promise<[number, Refusal]> {
  const { publisher = 'ldap', query = '', tail } = sending
  const token = await api.token('write', { publisher })
  const sent = tail === undefined ? token : `${token.slice(0, -tail.length)}${tail}`
  const headers = { authorization: `Bearer ${sent}` }
  const response = await api.call(`/v2/user${query}`, { method: 'POST', json, headers })
  return [response.status, (await response.json()) as Refusal]
}

test('what is too long to be found again is refused as such', async () => {
  const user_id = 'email|renamed'
  await send(await publishers.signWhole('ldap', { user_id }))
  const primary_username = Array.from({ length: 4_000 }, () => randomUUID()).join('')
  const at = { last_modified: '2199-01-01T00:00:00.000Z' }
  const json = await publishers.signAll('mozilliansorg', { primary_username }, at)
  const [status, body] = await send(json, {
    publisher: 'mozilliansorg',
    query: `?user_id=${encodeURIComponent(user_id)}`,
  })
  expect([status, body.code]).toEqual([422, 'invalid_value'])
})

test.each(['a\u0000b', 'half \ud83d a character'])(
  'text that cannot be stored is a fault of the schema, with its pointer: %j',
  async (description) => {
    const json = await publishers.signWhole('ldap', { user_id: 'email|text', description })
    const [status, body] = await send(json)
    expect([status, body.code]).toEqual([400, 'schema_violation'])
    expect(body.errors?.map(({ pointer }) => pointer)).toContain('/description/value')
  },
)

test('a user id is text of at most 1,024 characters, wherever it stands', async () => {
  const long = 'x'.repeat(1_025)
  const json = await publishers.signWhole('ldap', { user_id: long })
  for (const query of ['', `?user_id=${long}`, '?user_id=%00']) {
    const [status, body] = await send(json, { query })
    expect([status, body.code]).toEqual([400, 'integration_exception'])
  }
})

test('a token whose signature does not hold is an invalid header', async () => {
  const [status, body] = await send({}, { tail: 'AAAAAAAA' })
  expect([status, body.code]).toEqual([401, 'invalid_header'])
})
