import { fc } from '../support/properties.ts'
import { startDemoScim } from '../../cli/demo/stand-ins/scim.ts'
import { startScimmy } from '../../cli/demo/stand-ins/scimmy.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { listRosterErrors } from '../../db/roster/history.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { waitUntil } from '../support/polling.ts'
import { school, user } from '../support/roster-records.ts'
import { TestTarget } from '../support/scim.ts'

// Nearly everybody is renamed, which a guard would hold.
const settings = { guard: { updates: { percent: 100 } } }

const district = setUpDistrict({ records: [school('north')], settings })

// Names by id, as addresses.
function name(names: Readonly<Record<string, string>>): void {
  for (const [id, email] of Object.entries(names)) district.source.put(user(id, 'north', { email }))
}

function listNames(): Record<string, string> {
  return Object.fromEntries(
    [...district.target.people.values()].map(({ externalId, userName }) => [
      externalId.replace('clever:', ''),
      userName,
    ]),
  )
}

async function listParked(): Promise<string[]> {
  const { rows } = await district.db.query<{ id: string }>(
    'select id from roster_accounts where provider_id = $1::uuid and parked_from is not null',
    [district.provider],
  )
  return rows.map(({ id }) => id)
}

async function syncAnew(): Promise<RosterRun> {
  const run = await district.sync()
  expect(await listParked()).toEqual([])
  return run
}

test('two people who swap their names have them after one run, by three writes', async () => {
  name({ ada: 'a@x.example', ben: 'b@x.example' })
  await syncAnew()
  const before = district.target.writes
  name({ ada: 'b@x.example', ben: 'A@x.example' })
  const seen = new Set<string>()
  district.target.afterWrite = () => {
    for (const userName of Object.values(listNames())) seen.add(userName)
  }
  expect(await syncAnew()).toMatchObject({
    state: 'succeeded',
    counts: { users: { updated: 2, failed: 0 } },
  })
  expect(listNames()).toEqual({ ada: 'b@x.example', ben: 'A@x.example' })
  expect(district.target.writes - before).toBe(3)
  const temporary = [...seen].filter((one) => !/^[ab]@x\.example$/i.test(one))
  expect(temporary).toEqual([expect.stringMatching(/^registrar-renaming-[\da-f]{16}@x\.example$/)])
  const { rows } = await district.db.query(
    `select from audit_entries where action = 'roster.updated' and cause ->> 'providerId' = $1`,
    [district.provider],
  )
  expect(rows).toHaveLength(3)
})

test('a name goes from hand to hand, and to somebody new, without a temporary one', async () => {
  name({ ada: 'a@x.example', ben: 'b@x.example', eve: 'c@x.example', fay: 'd@x.example' })
  await syncAnew()
  const before = district.target.writes
  name({ ada: 'b@x.example', ben: 'c@x.example', eve: 'd@x.example', fay: 'e@x.example' })
  name({ new: 'a@x.example' })
  expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
  expect(listNames()).toEqual({
    ada: 'b@x.example',
    ben: 'c@x.example',
    eve: 'd@x.example',
    fay: 'e@x.example',
    new: 'a@x.example',
  })
  // Five people, and the group of the school.
  expect(district.target.writes - before).toBe(6)
})

test('whoever joins has the name of somebody who leaves, whose account keeps it with a mark', async () => {
  name({ ada: 'a@x.example', ben: 'b@x.example' })
  await syncAnew()
  district.source.remove('users', 'ada')
  name({ ben: 'A@x.example', new: 'b@x.example' })
  expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
  expect(listNames()).toEqual({
    ada: expect.stringMatching(/^a-[\da-f]{6}@x\.example$/) as unknown,
    ben: 'A@x.example',
    new: 'b@x.example',
  })
})

test('a long row and a large circle come out right', async () => {
  const ids = Array.from({ length: 40 }, (_, index) => `p${String(index).padStart(2, '0')}`)
  name(Object.fromEntries(ids.map((id, index) => [id, `n${index}@x.example`])))
  await syncAnew()
  const wanted = Object.fromEntries(
    ids.map((id, index) => [
      id,
      index < 15 ? `n${(index + 1) % 15}@x.example` : `n${index + 1}@x.example`,
    ]),
  )
  name(wanted)
  expect(await syncAnew()).toMatchObject({ state: 'succeeded', counts: { users: { updated: 40 } } })
  expect(listNames()).toEqual(wanted)
})

test('whatever names change hands, in whatever case, one run is enough', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const names = fc
    .tuple(
      fc.shuffledSubarray([...ids, 'x', 'y'], { minLength: ids.length, maxLength: ids.length }),
      fc.array(fc.boolean(), { minLength: ids.length, maxLength: ids.length }),
    )
    .map(([shuffled, isUpper]) =>
      shuffled.map((one, index) => `${isUpper[index] ? one.toUpperCase() : one}@x.example`),
    )
  await fc.assert(
    fc.asyncProperty(names, async (wanted) => {
      const named = Object.fromEntries(ids.map((id, index) => [id, wanted[index] ?? '']))
      name(named)
      expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
      expect(listNames()).toEqual(named)
    }),
    { numRuns: 8 },
  )
})

// Two circles and a row: 4 + 3 + 3 writes.
const BEFORE = { a: 'a', b: 'b', c: 'c', d: 'd', e: 'e', f: 'f', g: 'g', h: 'h' }
const AFTER = { a: 'b', b: 'c', c: 'a', d: 'e', e: 'd', f: 'g', g: 'h', h: 'i' }
const toNames = (names: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).map(([id, one]) => [id, `${one}@x.example`]))

test.each([2, 7])(
  'what is broken off in write %i, before it or after it, goes on to the right end',
  async (nth) => {
    for (const hook of ['beforeWrite', 'afterWrite'] as const) {
      name(toNames(BEFORE))
      await syncAnew()
      name(toNames(AFTER))
      let count = 0
      district.target[hook] = () => {
        count += 1
        if (count === nth) throw new Error('The worker is gone')
      }
      expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
      expect(listNames()).toEqual(toNames(AFTER))
      district.target[hook] = () => {}
    }
  },
)

test.each([
  { nth: 1, hook: 'beforeWrite', end: BEFORE },
  { nth: 2, hook: 'afterWrite', end: AFTER },
  { nth: 7, hook: 'beforeWrite', end: BEFORE },
  { nth: 10, hook: 'beforeWrite', end: AFTER },
] as const)(
  'a run that is stopped in write $nth ($hook): the next one ends right, also where all was taken back',
  async ({ nth, hook, end }) => {
    name(toNames(BEFORE))
    await syncAnew()
    name(toNames(AFTER))
    let count = 0
    district.target[hook] = () => {
      count += 1
      if (count >= nth) throw new Error('The worker is gone')
    }
    const id = await district.start()
    await waitUntil('it is broken off', async () => await Promise.resolve(count >= nth))
    await district.db.query(
      'update roster_runs set stop_requested_at = now() where id = $1::uuid',
      [id],
    )
    expect(await district.site.waitForEnd(id)).toMatchObject({ state: 'stopped' })
    district.target[hook] = () => {}
    name(toNames(end))
    expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
    expect(listNames()).toEqual(toNames(end))
  },
)

test('whoever cannot have the other name has the old one back, if that is free', async () => {
  name({ ada: 'a@x.example', ben: 'b@x.example' })
  await syncAnew()
  name({ ada: 'b@x.example', ben: 'a@x.example' })
  district.target.refused.add('ben')
  const run = await syncAnew()
  expect(run).toMatchObject({ state: 'partial', counts: { users: { updated: 0, failed: 2 } } })
  expect(listNames()).toEqual({ ada: 'a@x.example', ben: 'b@x.example' })
  const errors = await listRosterErrors(district.db, { runId: run.id, limit: 10 })
  expect(errors.map(({ id, code }) => [id, code])).toEqual([
    ['ada', 'conflict'],
    ['ben', 'http_400'],
  ])
  district.target.refused.clear()
  expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
  expect(listNames()).toEqual({ ada: 'b@x.example', ben: 'a@x.example' })
})

test.each([
  { server: 'SCIMMY', start: startScimmy },
  { server: 'the stand-in of the demo', start: startDemoScim },
])('names change hands at $server, which takes none twice', async ({ start }) => {
  const server = await start()
  const scim = new TestTarget(server)
  try {
    await district.reconnect(settings, scim.target)
    name(toNames(BEFORE))
    await syncAnew()
    const wanted = { ...toNames(AFTER), b: 'C@x.example', h: 'I@X.example' }
    name(wanted)
    expect(await syncAnew()).toMatchObject({ state: 'succeeded' })
    const found = (await scim.list()).map(({ externalId = '', userName }) => [
      externalId.replace('clever:', ''),
      userName.toLowerCase(),
    ])
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(wanted).map(([id, one]) => [id, one.toLowerCase()])),
    )
  } finally {
    scim.close()
    await server.close()
  }
})
