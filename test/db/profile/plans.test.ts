import { listPersons, listProfiles, type ProfileSearch } from '../../../db/profile/lists.ts'
import { findExistence, findProfile, type ProfileKey } from '../../../db/profile/reads.ts'
import type { Queryable } from '../../../db/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const PERSONS = 10_000
const after = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.query(
    `insert into profiles (id, user_id, uuid, primary_username, primary_email, active, document,
       version, serial)
     select gen_random_uuid(), case when n % 100 = 0 then 'email|' else 'ad|Mozilla-LDAP|' end || n,
            gen_random_uuid(), 'r--' || n, 'person' || n || '@example.com', n % 50 > 0,
            jsonb_build_object(
              'padding', repeat('x', 500),
              'access_information', jsonb_build_object('ldap', jsonb_build_object(
                'values', jsonb_build_object('everyone', null, 'group' || n % 2000, null))),
              'staff_information', jsonb_build_object(
                'title', jsonb_build_object('value', 'Title ' || n % 1000))),
            1, n
       from generate_series(1, $1::integer) as n`,
    [PERSONS],
  )
  await database.db.query('analyze profiles')
})
afterAll(async () => await database.close())

test.each<ProfileKey>(['user_id', 'uuid', 'primary_email', 'primary_username'])(
  'a read by %s goes by an index to the person',
  async (key) => {
    const lookup = { key, value: 'x', active: true }
    expect(await explain(async (db) => await findProfile(db, lookup))).not.toContain('Seq Scan')
  },
)

test('the metadata of an address go by an index', async () => {
  const plan = await explain(async (db) => await findExistence(db, 'a@example.com'))
  expect(plan).toContain('profiles_by_primary_email')
})

test.each<[string, Partial<ProfileSearch>, string]>([
  ['active persons', { active: true }, 'profiles_by_active'],
  ['inactive persons', { active: false }, 'profiles_by_active'],
  ['all persons', {}, 'profiles_pkey'],
  ['an address', { primaryEmail: 'a@example.com' }, 'profiles_by_primary_email'],
  ['a connection', { connection: 'email' }, 'profiles_by_connection'],
  ['a connection’s active', { connection: 'ad', active: true }, 'profiles_by_'],
  ['a rare group', { conditions: [groupOf('group7')] }, 'profiles_by_fact'],
  ['a rare title', { conditions: [titleOf('Title 777', 'equals')] }, 'profiles_by_'],
  ['a part of a rare title', { conditions: [titleOf('tle 777', 'contains')] }, 'profiles_by_text'],
])('a page of %s goes by an index', async (_, search, index) => {
  for (const list of [listPersons, listProfiles]) {
    for (const range of [{ after: undefined }, { after }]) {
      const whole = { active: undefined, limit: 101, ...search, ...range }
      const plan = await explain(async (db) => await list(db, whole))
      expect(plan).not.toContain('Seq Scan')
      expect(plan).toContain(index)
    }
  }
})

function groupOf(text: string): NonNullable<ProfileSearch['conditions']>[number] {
  return { kind: 'equals', attribute: 'access_information.ldap', text, negated: false }
}

function titleOf(
  text: string,
  kind: 'equals' | 'contains',
): NonNullable<ProfileSearch['conditions']>[number] {
  return { kind, attribute: 'staff_information.title', text, negated: false }
}

/** The plan of the statement that `ask` sends. */
async function explain(ask: (db: Queryable) => Promise<unknown>): Promise<string> {
  let plan = ''
  const query = async (text: string, values: unknown[]): Promise<unknown> => {
    const { rows } = await database.db.query(`explain ${text}`, values)
    plan = JSON.stringify(rows)
    return { rows: [] }
  }
  await ask({ query } as unknown as Queryable) // the one form in which statements are sent there
  return plan
}
