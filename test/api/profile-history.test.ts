import { startTestApi, type TestApi } from '../support/http.ts'
import {
  createTestProfile,
  recordTestChange,
  storeTestProfile,
  type StoredProfile,
} from '../support/profiles.ts'

type Item = { readonly serial: number; readonly changed: readonly string[] }
type Page = { readonly items: readonly Item[]; readonly next: string | null }

const OPERATOR = 'change:read read:fullprofile display:all'
const person = createTestProfile()
const uuid = (person['uuid'] as { value: string }).value

let api: TestApi
let stored: StoredProfile
let serials: number[]

beforeAll(async () => {
  api = await startTestApi()
  stored = await storeTestProfile(api.db, person)
  const change = { profileId: stored.id, sinks: ['directory', 'login'] }
  serials = [
    stored.serial,
    await recordTestChange(api.db, {
      ...change,
      version: 2,
      publisher: 'hris',
      changed: ['staff_information.title', 'staff_information.cost_center'],
    }),
    await recordTestChange(api.db, {
      ...change,
      version: 3,
      publisher: 'mozilliansorg',
      changed: ['staff_information.title', 'user_id'],
    }),
  ]
  await api.db.query(
    `insert into sink_deliveries (profile_id, sink, serial) values
       ($1, 'directory', $2), ($1, 'old replica', $3)`,
    [stored.id, serials[2], serials[0]],
  )
  await api.db.query(
    `insert into change_deliveries (profile_id, sink, serial, state, attempts, error_code) values
       ($1, 'login', $2, 'failed', 4, 'unknown_user')`,
    [stored.id, serials[2]],
  )
})
afterAll(async () => await api.close())

describe('GET /v1/profiles/{profileId}/history', () => {
  test('lists the changes newest first, by uuid and by id', async () => {
    for (const id of [uuid, uuid.toUpperCase(), stored.id]) {
      const page = await read<Page>(`/v1/profiles/${id}/history`)
      expect(page.items.map(({ serial }) => serial)).toEqual(serials.toReversed())
    }
    const { items } = await read<Page>(`/v1/profiles/${uuid}/history`)
    expect(items[1]).toEqual({
      serial: serials[1],
      version: 2,
      condition: 'update',
      publisher: 'hris',
      changed: ['staff_information.title', 'staff_information.cost_center'],
      beforeHash: '01'.repeat(32),
      afterHash: '02'.repeat(32),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
  })

  test('names only attributes that the token may see', async () => {
    const scope = 'change:read classification:mozilla_confidential display:ndaed'
    const { items } = await read<Page>(`/v1/profiles/${uuid}/history`, scope)
    expect(items.map(({ changed }) => changed)).toEqual([
      ['staff_information.title'],
      ['staff_information.title'],
      [],
    ])
  })

  test('goes on where a page ended, and takes no cursor of somebody else', async () => {
    const first = await read<Page>(`/v1/profiles/${uuid}/history?limit=2`)
    expect(first.items).toHaveLength(2)
    const cursor = `cursor=${encodeURIComponent(first.next ?? '')}`
    const second = await read<Page>(`/v1/profiles/${uuid}/history?limit=2&${cursor}`)
    expect([second.items.map(({ serial }) => serial), second.next]).toEqual([[serials[0]], null])
    const other = await storeTestProfile(api.db, createTestProfile({ seed: 2 }))
    const response = await api.call(`/v1/profiles/${other.id}/history?${cursor}`, {
      scope: OPERATOR,
    })
    expect(response.status).toBe(400)
  })

  test('is there for a deleted person', async () => {
    const gone = await storeTestProfile(api.db, createTestProfile({ seed: 3 }), { deleted: true })
    const change = { profileId: gone.id, version: 2, changed: ['*'] }
    await recordTestChange(api.db, { ...change, condition: 'delete' })
    const { items } = await read<Page>(`/v1/profiles/${gone.id}/history`, 'change:read')
    expect(items.map(({ changed }) => changed)).toEqual([['*'], []])
  })
})

describe('GET /v1/profiles/{profileId}/explain', () => {
  test('says who won each attribute and what every sink has', async () => {
    const body = await read<Record<string, unknown>>(`/v1/profiles/${uuid}/explain`)
    expect(body).toMatchObject({ uuid, version: 3, serial: serials[2], deletedAt: null })
    expect(body['attributes']).toContainEqual({
      name: 'staff_information.title',
      publisher: 'mozilliansorg',
      signedBy: 'hris',
      rule: 'audience',
      mayChange: ['hris'],
      display: 'ndaed',
      verified: true,
      serial: serials[2],
      since: expect.any(String),
    })
    expect(body['attributes']).toContainEqual(
      expect.objectContaining({ name: 'staff_information.cost_center', rule: 'create' }),
    )
    expect(body['sinks']).toEqual([
      {
        name: 'directory',
        serial: serials[2],
        version: 3,
        state: 'current',
        attempts: 0,
        why: `the sink has change ${serials[2]}, the newest`,
      },
      {
        name: 'login',
        serial: null,
        version: null,
        state: 'failed',
        attempts: 4,
        error: { code: 'unknown_user' },
        why: expect.stringContaining('given up after 4 attempts (unknown_user)'),
      },
      expect.objectContaining({ name: 'old replica', version: 1, state: 'outside' }),
    ])
  })

  test('names only attributes that the token may see, and never a value', async () => {
    const body = await read<{ attributes: { name: string }[] }>(
      `/v1/profiles/${uuid}/explain`,
      'change:read',
    )
    expect(body.attributes.map(({ name }) => name)).toEqual(['uuid', 'primary_username'])
    const whole = JSON.stringify(await read(`/v1/profiles/${uuid}/explain`))
    expect(whole).not.toMatch(/person1|Made up/)
  })
})

test.each(['history', 'explain'])('%s needs change:read, and a person', async (name) => {
  const path = `/v1/profiles/${uuid}/${name}`
  expect((await api.call(path, { scope: 'read:fullprofile display:all' })).status).toBe(403)
  const nobody = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
  for (const id of [nobody, 'ad%7CMozilla-LDAP%7Cperson1']) {
    const response = await api.call(`/v1/profiles/${id}/${name}`, { scope: OPERATOR })
    expect(response.status).toBe(404)
  }
})

async function read<T>(path: string, scope = OPERATOR): Promise<T> {
  const response = await api.call(path, { scope })
  expect([path, response.status]).toEqual([path, 200])
  return (await response.json()) as T
}
