import { startTestApi, type TestApi } from '../support/http.ts'
import { insertLicense } from '../support/licenses.ts'

const scope = 'aslp/readGeneral octp/readGeneral'

let api: TestApi

beforeAll(async () => {
  api = await startTestApi()
  const names = ['Ångström', 'Anders', 'ANDERSSON', 'Björk', 'Ørsted', 'O’Brien', 'Zoë']
  for (const [index, familyName] of names.entries()) {
    await insertLicense(api.db, {
      jurisdiction: index < 5 ? 'oh' : 'ky',
      board: { family_name: familyName, given_name: index % 2 === 0 ? 'Éva' : 'Max' },
      updatedAt: new Date(Date.UTC(2026, 0, 7 - index)),
    })
  }
  for (let index = 0; index < 23; index += 1) {
    await insertLicense(api.db, { jurisdiction: 'pr', board: { family_name: `Paged${index % 4}` } })
  }
})
afterAll(async () => await api.close())

type Page = {
  readonly providers: readonly { providerId: string; familyName: string }[]
  readonly pagination: { pageSize: number; prevLastKey: string | null; lastKey: string | null }
}

async function query(json: unknown, compact = 'aslp'): Promise<Response> {
  const path = `/v1/compacts/${compact}/providers/query`
  return await api.call(path, { scope, method: 'POST', json })
}

async function find(json: unknown): Promise<Page> {
  const answer = await query(json)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Page
}

async function names(json: unknown): Promise<string[]> {
  return (await find(json)).providers.map(({ familyName }) => familyName)
}

test.each([
  [{ familyName: 'angstrom' }, ['Ångström']],
  [{ familyName: 'AND' }, ['Anders', 'ANDERSSON']],
  [{ familyName: 'ders' }, []],
  [{ familyName: "o'b" }, ['O’Brien']],
  [{ familyName: ' ørs ' }, ['Ørsted']],
  [{ familyName: 'an', givenName: 'eva' }, ['ANDERSSON', 'Ångström']],
  [{ familyName: 'a%' }, []],
  [{ familyName: '_' }, []],
  [{ jurisdiction: 'ky' }, ['O’Brien', 'Zoë']],
  [{ jurisdiction: 'vi' }, []],
])('a query for %j finds %j', async (filter, expected) => {
  await expect(names({ query: filter })).resolves.toEqual(expected)
})

test.each([
  ['familyName', 'asc', ['Anders', 'ANDERSSON', 'Ångström', 'Björk', 'Ørsted']],
  ['familyName', 'descending', ['Ørsted', 'Björk', 'Ångström', 'ANDERSSON', 'Anders']],
  ['dateOfUpdate', 'ascending', ['Ørsted', 'Björk', 'ANDERSSON', 'Anders', 'Ångström']],
  ['dateOfUpdate', 'desc', ['Ångström', 'Anders', 'ANDERSSON', 'Björk', 'Ørsted']],
])('a query sorts by %s %s', async (key, direction, expected) => {
  const body = { query: { jurisdiction: 'oh' }, sorting: { key, direction } }
  await expect(names(body)).resolves.toEqual(expected)
})

test('a query by id finds that provider alone, and none of another compact', async () => {
  const providerId = await insertLicense(api.db, { compact: 'octp', jurisdiction: 'wy' })
  const own = (await (await query({ query: { providerId } }, 'octp')).json()) as Page
  expect(own.providers.map((provider) => provider.providerId)).toEqual([providerId])
  await expect(names({ query: { providerId } })).resolves.toEqual([])
})

test.each(['familyName', 'dateOfUpdate'])('pages by %s are the whole list once', async (key) => {
  const seen: string[] = []
  const keys: (string | null)[] = []
  let lastKey: string | null = null
  do {
    const { providers, pagination }: Page = await find({
      query: { jurisdiction: 'pr' },
      pagination: { pageSize: 5, lastKey },
      sorting: { key, direction: 'asc' },
    })
    expect(pagination).toMatchObject({ pageSize: 5, prevLastKey: lastKey })
    seen.push(...providers.map(({ providerId }) => providerId))
    keys.push(lastKey)
    lastKey = pagination.lastKey
  } while (lastKey !== null)
  expect(keys).toHaveLength(5)
  expect(new Set(seen).size).toBe(23)
  expect(seen).toHaveLength(23)
})

test('a cursor opens only with the query, the order and the compact it was made for', async () => {
  const body = { query: { jurisdiction: 'pr' }, pagination: { pageSize: 5 } }
  const { lastKey } = (await find(body)).pagination
  const withKey = { ...body, pagination: { pageSize: 5, lastKey } }
  const forged = lastKey?.replace(/~(.)/, (_, first: string) => `~${first === 'A' ? 'B' : 'A'}`)
  const answers = await Promise.all([
    query(withKey),
    query({ ...withKey, query: { jurisdiction: 'oh' } }),
    query({ ...withKey, sorting: { key: 'dateOfUpdate', direction: 'asc' } }),
    query({ ...withKey, sorting: { key: 'familyName', direction: 'desc' } }),
    query(withKey, 'octp'),
    query({ ...body, pagination: { pageSize: 5, lastKey: forged } }),
    query({ ...body, pagination: { pageSize: 5, lastKey: 'nonsense' } }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 400, 400, 400, 400])
  await expect(answers[1]?.json()).resolves.toMatchObject({ code: 'invalid_cursor' })
})

test.each([
  [{}, '/query'],
  [{ query: {} }, '/query'],
  [{ query: { givenName: 'Max' } }, '/query'],
  [{ query: { jurisdiction: 'xx' } }, '/query/jurisdiction'],
  [{ query: { jurisdiction: 'oh', familyName: 'a' } }, '/query'],
  [{ query: { providerId: 'no-uuid' } }, '/query/providerId'],
  [{ query: { familyName: '' } }, '/query/familyName'],
  [{ query: { familyName: '\u0301' } }, '/query/familyName'],
  [{ query: { jurisdiction: 'oh' }, pagination: { pageSize: 4 } }, '/pagination/pageSize'],
  [{ query: { jurisdiction: 'oh' }, pagination: { pageSize: 101 } }, '/pagination/pageSize'],
  [{ query: { jurisdiction: 'oh' }, pagination: { pageSize: 5.5 } }, '/pagination/pageSize'],
  [{ query: { jurisdiction: 'oh' }, pagination: { page: 2 } }, '/pagination/page'],
  [{ query: { jurisdiction: 'oh' }, sorting: { key: 'ssn', direction: 'asc' } }, '/sorting/key'],
  [{ query: { jurisdiction: 'oh' }, sorting: { direction: 'up' } }, '/sorting/direction'],
  [{ query: { jurisdiction: 'oh' }, extra: 1 }, '/extra'],
])('a query with the body %j is refused at %s', async (body, pointer) => {
  const answer = await query(body)
  expect(answer.status).toBe(422)
  const { errors } = (await answer.json()) as { errors: { pointer: string }[] }
  expect(errors.map((error) => error.pointer)).toContain(pointer)
})

test('an unknown compact is not found', async () => {
  const answer = await api.call('/v1/compacts/none/providers/query', {
    scope: 'none/readGeneral',
    method: 'POST',
    json: { query: { jurisdiction: 'oh' } },
  })
  expect(answer.status).toBe(404)
})
