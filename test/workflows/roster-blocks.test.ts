import { createRandom, type Random } from '../../core/sample/random.ts'
import { nameRosterStaging } from '../../db/roster/staging.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { MemoryTarget } from '../support/memory-roster.ts'
import { openGuard } from '../support/roster-equivalence.ts'
import { enrollment, section, twoSchools, user, type Put } from '../support/roster-records.ts'

const district = setUpDistrict({ records: twoSchools(), settings: { guard: openGuard } })

// Every page has one block: the next full run's blocks of users, how many of them were known.
async function syncAndCountBlocks(): Promise<{ readonly known: number; readonly read: number }> {
  const count = { known: 0, read: 0 }
  district.source.beforePage = async ({ stream, cursor }) => {
    if (stream !== 'enrollments' || cursor !== undefined) return
    const { rows } = await district.db.query<{ id: string }>(
      'select id from roster_runs order by created_at desc limit 1',
    )
    const blocks = nameRosterStaging(rows[0]?.id ?? '', 'blocks')
    const found = await district.db.query<{ known: number; read: number }>(
      `select count(*) filter (where b.ids is null) as known, count(*) as read
       from ${blocks} b
       where b.collection = 'users'
         or b.digest in (select digest from roster_blocks where collection = 'users')`,
    )
    Object.assign(count, found.rows[0])
  }
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  district.source.beforePage = () => {}
  return count
}

function nameOf(id: string): string | undefined {
  return district.target.read().people[`clever:${id}`]?.name.familyName
}

test('a block that reads as before is known as a whole, and one of others is read anew', async () => {
  district.source.pageSize = 5
  expect(await syncAndCountBlocks()).toEqual({ known: 0, read: 4 })
  expect(await syncAndCountBlocks()).toEqual({ known: 4, read: 4 })
  district.source.put(user('north-1', 'north', { familyName: 'Married' }))
  expect(await syncAndCountBlocks()).toEqual({ known: 3, read: 4 })
  expect(nameOf('north-1')).toBe('Married')
  // What was written by an incremental run voids what was known.
  district.source.put(user('south-1', 'south', { familyName: 'Moved' }))
  await district.sync({ mode: 'incremental' })
  district.source.put(user('south-1', 'south'))
  expect(await syncAndCountBlocks()).toMatchObject({ known: 0 })
  expect(nameOf('south-1')).toBe('Person south-1')
  expect(await syncAndCountBlocks()).toEqual({ known: 4, read: 4 })
})

test('no block is kept of a source that says something twice', async () => {
  district.source.pageSize = 5
  const earlier = user('south-10', 'south', { familyName: 'Earlier' })
  const all = [...district.source.records]
  district.source.records.clear()
  district.source.records.set('users/earlier', { op: 'put', ...earlier } as (typeof all)[0][1])
  for (const [key, entry] of all) district.source.records.set(key, entry)
  await syncAndCountBlocks()
  expect(nameOf('south-10')).toBe('Person south-10')
  expect(await syncAndCountBlocks()).toMatchObject({ known: 0 })
  // The first page reads as before, and now has the last word.
  district.source.records.delete('users/south-10')
  await district.sync()
  expect(nameOf('south-10')).toBe('Earlier')
})

test('other rules make other people of the same blocks', async () => {
  await district.sync()
  await district.db.query(
    `update roster_providers
     set settings = settings || '{"name": "Winter Valley"}', version = version + 1,
       roster_version = version + 1
     where id = $1`,
    [district.provider],
  )
  expect(await syncAndCountBlocks()).toMatchObject({ known: 0 })
  const organizations = new Set(
    [...district.target.people.values()].map(({ enterprise }) => enterprise?.organization),
  )
  expect([...organizations]).toEqual(['Winter Valley'])
})

test.each([1, 2])(
  'seed %i: whatever happens between full runs, the target holds what one run would write',
  async (seed) => {
    const random = createRandom('blocks', seed)
    district.source.pageSize = 3 + random.int(4)
    for (let round = 0; round < 6; round += 1) {
      const events = random.int(3)
      for (let event = 0; event < events; event += 1) mutate(random)
      if (random.int(4) === 0) await district.sync({ mode: 'incremental' })
      expect(await district.sync()).toMatchObject({ state: 'succeeded' })
      const fresh = new MemoryTarget()
      const { site, source } = district
      await site.sync(await site.addProvider({ source, target: fresh }, { guard: openGuard }))
      expect(district.target.read()).toEqual(fresh.read())
    }
  },
)

function mutate(random: Random): void {
  const { source } = district
  const [school = 'north', other = 'south'] =
    random.int(2) === 0 ? ['north', 'south'] : ['south', 'north']
  const id = `${school}-${1 + random.int(10)}`
  const happenings: readonly (() => void)[] = [
    () => source.put(user(id, school, { familyName: `Person ${random.int(1_000)}` })),
    () => source.put(user(id, other)),
    () => source.remove('users', id),
    () => source.put(enrollment(id, `${other}-1`)),
    () => source.remove('enrollments', `${school}-1:${id}`),
    () => source.put(enrollment(id, `${school}-2`, { endDate: '2020-06-30' })),
    () => source.put(section(`${school}-1`, school, `Section ${random.int(1_000)}`)),
    () => source.put(user(`new-${random.int(1_000)}`, school)),
    () => sayTwice(user(id, school, { familyName: `Passing ${random.int(1_000)}` })),
  ]
  happenings[random.int(happenings.length)]?.()
}

// On an earlier page, or on a later one.
function sayTwice(put: Put): void {
  const { records } = district.source
  const [last] = [...records].slice(-1)
  if (last) records.set(`again/${put.record.id}`, { op: 'put', ...put } as (typeof last)[1])
}
