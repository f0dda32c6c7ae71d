import type { PublisherName } from '../../core/profile/document.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'
import type { Content } from '../support/profiles.ts'

type Explained = { readonly name: string; readonly publisher: string; readonly rule: string }

const USER_ID = 'ad|Mozilla-LDAP|ada'
const OPERATOR = 'change:read read:fullprofile display:all'

let publishers: TestPublishers
let api: TestApi

beforeAll(async () => {
  publishers = await createTestPublishers()
  api = await startTestApi({ env: { PUBLISHERS_FILE: publishers.file, ALLOW_DELETE: 'true' } })
})
afterAll(async () => {
  await api.close()
  await publishers.close()
})

test('what the publishers sent is explained, read and forgotten as they sent it', async () => {
  await send('ldap', { user_id: USER_ID, active: true, first_name: 'Ada', timezone: 'UTC' })
  await send('ldap', { 'staff_information.title': 'Engineer' })
  await send('hris', { 'staff_information.title': 'Senior Engineer' })
  await send('mozilliansorg', { 'staff_information.title': 'Senior Engineer' }, 'staff')
  await send('mozilliansorg', { primary_username: 'ada' })
  await send('hris', { active: false })
  expect(await explain()).toEqual({
    uuid: 'cis server',
    user_id: 'ldap create',
    primary_username: 'mozilliansorg update',
    active: 'hris state',
    last_modified: 'cis server',
    created: 'cis server',
    first_name: 'ldap create',
    timezone: 'ldap create',
    'staff_information.title': 'mozilliansorg audience',
  })

  const path = `/v2/user?user_id=${encodeURIComponent(USER_ID)}`
  const headers = await bearer('delete', 'ldap')
  expect((await api.call(path, { method: 'DELETE', headers })).status).toBe(200)
  await send('access_provider', { user_id: USER_ID, first_name: 'Ada' })
  expect(await explain()).toEqual({
    uuid: 'cis server',
    user_id: 'access_provider create',
    primary_username: 'cis server',
    last_modified: 'cis server',
    created: 'cis server',
    first_name: 'access_provider create',
  })
})

async function send(
  publisher: PublisherName,
  contents: Readonly<Record<string, Content>>,
  display?: 'staff',
): Promise<void> {
  const at = new Date().toISOString()
  const metadata = { last_modified: at, ...(display && { display }) }
  const response = await api.call(`/v2/user?user_id=${encodeURIComponent(USER_ID)}`, {
    method: 'POST',
    headers: await bearer('write', publisher),
    json: await publishers.signAll(publisher, contents, metadata),
  })
  expect([publisher, response.status]).toEqual([publisher, 200])
}

async function explain(): Promise<Record<string, string>> {
  const read = async (path: string): Promise<unknown> => {
    const response = await api.call(path, { scope: OPERATOR })
    expect(response.status).toBe(200)
    return await response.json()
  }
  const person = await read(`/v2/user/user_id/${encodeURIComponent(USER_ID)}?active=any`)
  const { uuid } = person as { uuid: { value: string } }
  const { attributes } = (await read(`/v1/profiles/${uuid.value}/explain`)) as {
    attributes: Explained[]
  }
  return Object.fromEntries(attributes.map((one) => [one.name, `${one.publisher} ${one.rule}`]))
}

async function bearer(scope: string, publisher: string): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await api.token(scope, { publisher })}` }
}
