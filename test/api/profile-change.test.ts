import { findAttribute, type Profile, type PublisherName } from '../../core/profile/document.ts'
import { isSignedBy } from '../../crypto/profile-signature.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'

let publishers: TestPublishers
let api: TestApi
let count = 0

beforeAll(async () => {
  publishers = await createTestPublishers()
  api = await startTestApi({ env: { PUBLISHERS_FILE: publishers.file, ALLOW_DELETE: 'true' } })
})
afterAll(async () => {
  await api.close()
  await publishers.close()
})

type Answer = {
  readonly status: number
  readonly body: any // oxlint-disable-line typescript/no-explicit-any -- answers of any form
}

type Call = {
  readonly publisher?: PublisherName | undefined
  readonly scope?: string
  readonly method?: string
  readonly path?: string
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

async function send(call: Call): Promise<Answer> {
  const { publisher, scope = 'write delete', method = 'POST', path = '/v2/user' } = call
  const token = await api.token(scope, publisher === undefined ? {} : { publisher })
  const response = await api.call(path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...call.headers },
    ...(call.json === undefined ? {} : { json: call.json }),
  })
  return { status: response.status, body: await response.json() }
}

async function stored(userId: string): Promise<Profile> {
  const { rows } = await api.db.query<{ document: Profile }>(
    'select document from profiles where user_id = $1',
    [userId],
  )
  const [row] = rows
  if (!row) throw new Error(`Cannot find ${userId}`)
  return row.document
}

function newUserId(): string {
  count += 1
  return `ad|Mozilla-LDAP|person${count}`
}

async function createPerson(contents: Record<string, string | boolean> = {}): Promise<string> {
  const userId = newUserId()
  const body = await publishers.signWhole('ldap', {
    user_id: userId,
    primary_email: `${userId.split('|')[2]}@example.com`,
    login_method: 'Mozilla-LDAP',
    active: true,
    first_name: 'Ada',
    ...contents,
  })
  const { status } = await send({ publisher: 'ldap', json: body })
  expect(status).toBe(200)
  return userId
}

const OLDER = { last_modified: '2019-01-01T00:00:00.000Z' }
const NEWER = { last_modified: '2026-01-01T00:00:00.000Z' }

test('a new person gets a uuid, a username, created and last_modified, signed by cis', async () => {
  const before = Date.now()
  const userId = newUserId()
  const json = await publishers.signWhole('ldap', { user_id: userId, first_name: 'Ada' })
  const { status, body } = await send({ publisher: 'ldap', json })
  expect(status).toBe(200)
  expect(body).toEqual({
    sequence_number: expect.any(Number),
    status_code: 200,
    condition: 'create',
  })
  const document = await stored(userId)
  for (const path of ['uuid', 'primary_username', 'created', 'last_modified']) {
    const attribute = findAttribute(document, path)
    expect(attribute?.signature.publisher.name).toBe('cis')
    expect(
      attribute && isSignedBy(attribute, publishers.publishers.keysOf('cis', new Date())),
    ).toBe(true)
  }
  const at = Date.parse(String(findAttribute(document, 'last_modified')?.value))
  expect(at).toBeGreaterThan(before - 1_000)
  expect(findAttribute(document, 'primary_username')?.value).toMatch(/^r--.{22}==$/)
})

test('the same profile sent again is a noop, and so is a text that holds it', async () => {
  const userId = newUserId()
  const json = await publishers.signWhole('ldap', {
    user_id: userId,
    active: true,
    created: '2019-05-05T00:00:00.000Z',
    last_modified: '2019-05-05T00:00:00.000Z',
  })
  await send({ publisher: 'ldap', json })
  const expected = { sequence_number: null, status_code: 202, condition: 'noop' }
  expect((await send({ publisher: 'ldap', json })).body).toEqual(expected)
  expect((await send({ publisher: 'ldap', json: JSON.stringify(json) })).body).toEqual(expected)
  const { rows } = await api.db.query(
    'select c.serial from profile_changes c join profiles p on p.id = c.profile_id where user_id = $1',
    [userId],
  )
  expect(rows).toHaveLength(1)
})

test.each(['PUT', 'PATCH'])('%s changes a person as POST does', async (method) => {
  const userId = await createPerson()
  const json = await publishers.signAll('mozilliansorg', { first_name: 'Grace' }, NEWER)
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const { body } = await send({ publisher: 'mozilliansorg', method, path, json })
  expect(body.condition).toBe('update')
  expect(findAttribute(await stored(userId), 'first_name')?.value).toBe('Grace')
})

test('a GET of the change endpoint is refused', async () => {
  expect((await send({ publisher: 'ldap', method: 'GET' })).status).toBe(405)
})

test('what the rules do not let a publisher change is refused in the words of CIS', async () => {
  const userId = await createPerson()
  const json = await publishers.signAll('hris', { user_id: userId, first_name: 'Grace' }, NEWER)
  const { status, body } = await send({
    publisher: 'hris',
    json: { first_name: json['first_name'] },
    path: `/v2/user?user_id=${encodeURIComponent(userId)}`,
  })
  expect(status).toBe(403)
  expect(body).toMatchObject({
    code: 'invalid_publisher',
    description: '[update] hris is NOT allowed to publish field first_name',
    status: 403,
  })
})

test('an attribute that another publisher signed is refused unless it is what is stored', async () => {
  const userId = await createPerson()
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const foreign = await publishers.signAll('ldap', { first_name: 'Ada' })
  expect((await send({ publisher: 'mozilliansorg', path, json: foreign })).body.condition).toBe(
    'noop',
  )
  const other = await publishers.signAll('mozilliansorg', { first_name: 'Grace' }, NEWER)
  const refused = await send({ publisher: 'ldap', path, json: other })
  expect([refused.status, refused.body.code]).toEqual([403, 'invalid_publisher'])
})

test('a token of no publisher, without the scope, or none at all, changes nothing', async () => {
  const json = await publishers.signWhole('ldap', { user_id: newUserId() })
  const answers = [
    await send({ json }),
    await send({ json, publisher: 'ldap', scope: 'search:all' }),
  ]
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
    [403, 'invalid_publisher'],
    [403, 'scope_missing'],
  ])
  const bare = await api.call('/v2/user', { method: 'POST', json })
  expect(await bare.json()).toMatchObject({ code: 'authorization_header_missing', status: 401 })
  const bad = { authorization: 'Basic abc' }
  const unreadable = await api.call('/v2/user', { method: 'POST', json, headers: bad })
  expect(await unreadable.json()).toMatchObject({ code: 'invalid_header' })
  const old = await api.token('write', { ttlSeconds: -3_600, publisher: 'ldap' })
  const expired = { authorization: `Bearer ${old}` }
  const late = await api.call('/v2/user', { method: 'POST', json, headers: expired })
  expect(await late.json()).toMatchObject({ code: 'token_expired' })
})

test('a signature over something else is refused, and the value is not echoed', async () => {
  const userId = await createPerson()
  const json = await publishers.signAll('mozilliansorg', { first_name: 'Grace' }, NEWER)
  const attribute = json['first_name'] as object
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const forged = { first_name: { ...attribute, value: 'Canary-Name' } }
  const { status, body } = await send({ publisher: 'mozilliansorg', path, json: forged })
  expect([status, body.code]).toEqual([403, 'invalid_signature'])
  expect(JSON.stringify(body)).not.toContain('Canary')
})

test('an older attribute is refused, and in a whole profile only what is newer is taken', async () => {
  const userId = await createPerson()
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  await send({
    publisher: 'mozilliansorg',
    path,
    json: await publishers.signAll('mozilliansorg', { first_name: 'Grace' }, NEWER),
  })
  const older = await publishers.signAll('mozilliansorg', { first_name: 'Old' }, OLDER)
  const refused = await send({ publisher: 'mozilliansorg', path, json: older })
  expect([refused.status, refused.body.code]).toEqual([409, 'stale_attribute'])
  const mixed = { ...older, ...(await publishers.signAll('mozilliansorg', { last_name: 'New' })) }
  expect((await send({ publisher: 'mozilliansorg', path, json: mixed })).body.condition).toBe(
    'update',
  )
  const document = await stored(userId)
  expect(findAttribute(document, 'first_name')?.value).toBe('Grace')
  expect(findAttribute(document, 'last_name')?.value).toBe('New')
})

test('uuid and username cannot be brought along', async () => {
  const contents = { user_id: newUserId(), uuid: 'd0224f82-9d7b-595c-ad37-f56feebd751a' }
  const json = await publishers.signWhole('cis', contents)
  const { status, body } = await send({ publisher: 'cis', json })
  expect([status, body.code]).toEqual([403, 'uuid_or_primary_username_set'])
})

test('a number where a text belongs breaks the schema, with a pointer', async () => {
  const userId = await createPerson()
  const signed = await publishers.signAll('mozilliansorg', { description: 'x' })
  const json = { description: { ...(signed['description'] as object), value: 7 } }
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const { status, body } = await send({ publisher: 'mozilliansorg', path, json })
  expect([status, body.code]).toEqual([400, 'schema_violation'])
  expect(body.errors[0].pointer).toBe('/description/value')
})

test.each<[string, unknown, string]>([
  ['no person named', {}, '/v2/user'],
  ['a list', [], '/v2/user?user_id=x'],
  ['a number in a text', '7', '/v2/user?user_id=x'],
])('a body with %s is refused as integration_exception', async (_, json, path) => {
  const { status, body } = await send({ publisher: 'ldap', path, json })
  expect([status, body.code]).toEqual([400, 'integration_exception'])
})

test('query and body that name different persons are refused', async () => {
  const json = await publishers.signWhole('ldap', { user_id: newUserId() })
  const { status } = await send({ publisher: 'ldap', path: '/v2/user?user_id=other', json })
  expect(status).toBe(400)
})

describe('active', () => {
  const off = async (publisher: PublisherName): Promise<Record<string, unknown>> =>
    await publishers.signAll(publisher, { active: false }, NEWER)

  test.each<[PublisherName, number]>([
    ['ldap', 200],
    ['access_provider', 200],
    ['hris', 200],
    ['cis', 200],
    ['mozilliansorg', 403],
  ])('alone by %s is answered %i and signed by cis', async (publisher, status) => {
    const userId = await createPerson()
    const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
    const answer = await send({ publisher, path, json: await off(publisher) })
    expect(answer.status).toBe(status)
    const active = findAttribute(await stored(userId), 'active')
    expect(active?.value).toBe(status !== 200)
    if (status !== 200) return
    expect(active?.signature.publisher.name).toBe('cis')
    expect(active?.metadata.last_modified).toBe(NEWER.last_modified)
    expect(active && isSignedBy(active, publishers.publishers.keysOf('cis', new Date()))).toBe(true)
  })

  test.each<[PublisherName, string, number]>([
    ['hris', 'staff_information.title', 200],
    ['ldap', 'ssh_public_keys', 403],
    ['access_provider', 'login_method', 403],
  ])('together with others by %s is answered otherwise', async (publisher, other, status) => {
    const userId = await createPerson({ 'staff_information.title': 'Clerk' })
    const content = other === 'ssh_public_keys' ? { key: 'ssh-ed25519 AAA' } : 'Other'
    const json = {
      ...(await off(publisher)),
      ...(await publishers.signAll(publisher, { [other]: content }, NEWER)),
    }
    const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
    expect((await send({ publisher, path, json })).status).toBe(status)
  })
})

test('100 changes of different attributes at once all survive', async () => {
  const userId = await createPerson()
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const leaves = [
    'pronouns',
    'fun_title',
    'location',
    'description',
    'alternative_name',
    'timezone',
  ]
  const identities = ['github_id_v3', 'github_id_v4', 'bugzilla_mozilla_org_id', 'google_oauth2_id']
  const paths = [...leaves, ...identities.map((name) => `identities.${name}`)]
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const leaf = paths[index % paths.length] ?? ''
      const round = Math.floor(index / paths.length)
      const metadata = { last_modified: `2026-01-01T00:00:${String(round).padStart(2, '0')}.000Z` }
      const json = await publishers.signAll('mozilliansorg', { [leaf]: `v${round}` }, metadata)
      return (await send({ publisher: 'mozilliansorg', path, json })).status
    }),
  )
  expect(answers.every((status) => status === 200 || status === 409)).toBe(true)
  const document = await stored(userId)
  for (const leaf of paths) expect(findAttribute(document, leaf)?.value).toBe('v9')
  const { rows } = await api.db.query<{ before: string; after: string }>(
    `select encode(before_hash, 'hex') as before, encode(after_hash, 'hex') as after
       from profile_changes c join profiles p on p.id = c.profile_id
      where user_id = $1 order by c.serial`,
    [userId],
  )
  const chain = rows.slice(1).every(({ before }, index) => before === rows[index]?.after)
  expect(chain).toBe(true)
})

test('20 creations of one person at once make one', async () => {
  const userId = newUserId()
  const json = await publishers.signWhole('ldap', { user_id: userId, first_name: 'Ada' })
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => await send({ publisher: 'ldap', json })),
  )
  const conditions = answers.map(({ body }) => String(body.condition)).toSorted()
  expect(conditions).toEqual(['create', ...Array.from({ length: 19 }, () => 'noop')])
})

describe('a batch', () => {
  const of = async (userId: string, name: string): Promise<object> => ({
    ...(await publishers.signAll('ldap', { user_id: userId })),
    ...(await publishers.signAll('mozilliansorg', { first_name: name }, NEWER)),
  })

  test('takes its changes in order, and a bad one fails alone', async () => {
    const [one, other] = [await createPerson(), await createPerson()]
    const json = [
      await of(one, 'First'),
      { ...((await of(other, 'Bad')) as object), description: 7 },
      await publishers.signAll('mozilliansorg', { last_name: 'Nobody' }),
      5,
      null,
      { ...((await of(one, 'Second')) as object) },
    ]
    const { status, body } = await send({ publisher: 'mozilliansorg', path: '/v2/users', json })
    expect(status).toBe(200)
    expect(
      body.results.map(
        (item: { code?: string; condition: string | null }) => item.code ?? item.condition,
      ),
    ).toEqual([
      'update',
      'schema_violation',
      'integration_exception',
      'integration_exception',
      'integration_exception',
      'update',
    ])
    expect(body.updates.sequence_numbers).toHaveLength(2)
    expect(body.creates).toBeNull()
    expect(findAttribute(await stored(one), 'first_name')?.value).toBe('Second')
  })

  test('that is atomic stores nothing when one fails', async () => {
    const userId = await createPerson()
    const json = [await of(userId, 'Never'), { ...(await of(userId, 'x')), description: 7 }]
    const path = '/v2/users?atomic=true'
    const { status, body } = await send({ publisher: 'mozilliansorg', path, json })
    expect(status).toBe(400)
    expect(body.results.map((item: { code: string }) => item.code)).toEqual([
      'not_applied',
      'schema_violation',
    ])
    expect(findAttribute(await stored(userId), 'first_name')?.value).toBe('Ada')
  })

  test('that is atomic judges the rest when the database refuses one', async () => {
    const holder = await createPerson()
    const userId = await createPerson()
    const taken = findAttribute(await stored(holder), 'primary_username')?.value ?? null
    const at = { last_modified: '2199-01-01T00:00:00.000Z' }
    const name = await publishers.signAll('mozilliansorg', { primary_username: taken }, at)
    const json = [Object.assign(await of(userId, 'Taken'), name), await of(userId, 'Never')]
    const path = '/v2/users?atomic=true'
    const { status, body } = await send({ publisher: 'mozilliansorg', path, json })
    expect(status).toBe(409)
    expect(body.results.map((item: { code: string }) => item.code)).toEqual([
      'conflict',
      'not_applied',
    ])
  })

  test('of more than 100 is refused', async () => {
    const json = Array.from({ length: 101 }, () => ({}))
    expect((await send({ publisher: 'ldap', path: '/v2/users', json })).status).toBe(413)
  })
})

test('a deleted person can come back, with greater serials', async () => {
  const userId = await createPerson()
  const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
  const gone = await send({ publisher: 'ldap', method: 'DELETE', path })
  expect(gone.body).toEqual({
    sequence_number: expect.any(Number),
    status_code: 200,
    condition: 'delete',
  })
  expect((await send({ publisher: 'ldap', method: 'DELETE', path })).status).toBe(404)
  const json = await publishers.signWhole('ldap', { user_id: userId, first_name: 'Back' })
  const { body } = await send({ publisher: 'ldap', json })
  expect(body.condition).toBe('create')
  expect(body.sequence_number).toBeGreaterThan(gone.body.sequence_number)
  expect(findAttribute(await stored(userId), 'primary_email')?.value).toBeNull()
})

test('a change is audited with hashes and queued for propagation, without anything of the person', async () => {
  const userId = await createPerson({ description: 'Canary-Text' })
  const { rows } = await api.db.query(
    `select a.action, a.subject_type, a.before_hash, octet_length(a.after_hash) as after, a.cause
       from audit_entries a join profiles p on p.id::text = a.subject_id where p.user_id = $1`,
    [userId],
  )
  expect(rows).toEqual([
    {
      action: 'profile.created',
      subject_type: 'profile',
      before_hash: null,
      after: 32,
      cause: expect.objectContaining({ publisher: 'ldap' }),
    },
  ])
  const starts = await api.db.query<{ row: unknown }>(
    `select to_jsonb(s) as row from workflow_starts s join profiles p on s.workflow_id = 'profile:' || p.id where user_id = $1`,
    [userId],
  )
  expect(starts.rows).toHaveLength(1)
  const text = JSON.stringify(starts.rows) + JSON.stringify(rows) + api.logLines.join('\n')
  for (const canary of ['Canary', userId, 'example.com']) expect(text).not.toContain(canary)
})

describe('GET /v1/changes', () => {
  test('shows a change to its publisher with tags, and to nobody else', async () => {
    const userId = newUserId()
    const json = await publishers.signWhole('ldap', { user_id: userId, first_name: 'Ada' })
    const { body } = await send({ publisher: 'ldap', json })
    const path = `/v1/changes/${body.sequence_number}`
    const own = await send({ publisher: 'ldap', method: 'GET', path, scope: '' })
    expect(own.body).toMatchObject({
      serial: body.sequence_number,
      publisher: 'ldap',
      condition: 'create',
      changed: ['user_id', 'first_name'],
      sinks: [],
    })
    expect(own.body.tags.map((entry: { tag: string }) => entry.tag)).toEqual([
      'received',
      'validated',
      'vault',
    ])
    expect((await send({ publisher: 'hris', method: 'GET', path, scope: '' })).status).toBe(404)
    expect((await send({ method: 'GET', path, scope: '' })).status).toBe(403)
    expect((await send({ method: 'GET', path, scope: 'change:read' })).status).toBe(200)
    await api.db.query(
      `update profile_changes set committed_at = now() - interval '25 hours' where serial = $1`,
      [body.sequence_number],
    )
    expect((await send({ publisher: 'ldap', method: 'GET', path, scope: '' })).status).toBe(410)
  })

  test('lists a publisher’s own by serial, page by page', async () => {
    const userId = await createPerson()
    const path = `/v2/user?user_id=${encodeURIComponent(userId)}`
    for (const name of ['B', 'C', 'D']) {
      const metadata = {
        last_modified: `2026-02-0${name.codePointAt(0) === 66 ? 1 : name === 'C' ? 2 : 3}T00:00:00.000Z`,
      }
      const json = await publishers.signAll('mozilliansorg', { first_name: name }, metadata)
      expect((await send({ publisher: 'mozilliansorg', path, json })).status).toBe(200)
    }
    const list = `/v1/changes?user_id=${encodeURIComponent(userId)}&limit=2`
    const read = { publisher: 'mozilliansorg', method: 'GET', scope: '' } as const
    const first = await send({ ...read, path: list })
    expect(first.body.items).toHaveLength(2)
    const next = await send({ ...read, path: `${list}&cursor=${first.body.next}` })
    expect(next.body.items).toHaveLength(1)
    expect(next.body.next).toBeNull()
    expect((await send({ ...read, publisher: 'hris', path: list })).body.items).toEqual([])
  })

  test('says to old clients whether a change is in the vault', async () => {
    const json = await publishers.signWhole('ldap', { user_id: newUserId() })
    const { body } = await send({ publisher: 'ldap', json })
    const ask = async (serial: number): Promise<unknown> =>
      (await send({ method: 'GET', scope: '', path: `/v2/status?sequenceNumber=${serial}` })).body
    expect(await ask(body.sequence_number)).toEqual({ identity_vault: true })
    expect(await ask(999_999_999)).toEqual({ identity_vault: false })
  })
})
