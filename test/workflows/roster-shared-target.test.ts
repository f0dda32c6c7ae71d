import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { school, section, user } from '../support/roster-records.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

let site: RosterSite

beforeAll(async () => {
  site = await startRosterSite()
})
afterAll(async () => {
  await site.close()
})

type Half = { readonly source: MemorySource; readonly provider: string }

async function addHalf(target: MemoryTarget, prefix: string, baseUrl: string): Promise<Half> {
  const source = new MemorySource()
  source.put(school('s1', 'Hill School'), section('c1', 's1', 'Math 1'), user(prefix, 's1'))
  const scim = { baseUrl, auth: { type: 'bearer', token: 't' }, externalIdPrefix: `${prefix}:` }
  const settings = { scim, guard: { updates: { percent: 100 } } }
  return { source, provider: await site.addProvider({ source, target }, settings) }
}

function listNames(target: MemoryTarget): string[] {
  return [...target.groups.values()].map((one) => `${one.externalId} ${one.displayName}`).toSorted()
}

test('groups of two providers on one target have names of their own, which stay', async () => {
  const target = new MemoryTarget()
  const first = await addHalf(target, 'a', 'https://shared.example/v2')
  const second = await addHalf(target, 'b', 'https://shared.example/v2/')
  // Whoever comes first has the names, not who was added first.
  expect(await site.sync(second.provider)).toMatchObject({ state: 'succeeded' })
  expect(await site.sync(first.provider)).toMatchObject({ state: 'succeeded' })
  const names = listNames(target)
  expect(names).toEqual([
    expect.stringMatching(/^a:clever:c1 Math 1 \([0-9a-f]{6}\)$/),
    expect.stringMatching(/^a:clever:s1 Hill School \([0-9a-f]{6}\)$/),
    'b:clever:c1 Math 1',
    'b:clever:s1 Hill School',
  ])
  const before = target.writes
  for (const { provider } of [first, second, first, second])
    expect(await site.sync(provider)).toMatchObject({ state: 'succeeded' })
  expect([target.writes, listNames(target)]).toEqual([before, names])
  second.source.put(section('c1', 's1', 'Math 2'))
  await site.sync(second.provider)
  await site.sync(first.provider)
  expect(listNames(target)).toContain('a:clever:c1 Math 1')
})

test('where a target took one name twice, the younger provider gives it up, and that is all', async () => {
  const target = new MemoryTarget()
  const first = await addHalf(target, 'c', 'https://lax.example/v2')
  const second = await addHalf(target, 'd', 'https://lax.example/v2')
  await site.sync(first.provider)
  await site.sync(second.provider)
  await site.database.db.query(
    `update roster_groups set display_name = split_part(display_name, ' (', 1)
     where provider_id = $1::uuid`,
    [second.provider],
  )
  await site.sync(first.provider)
  expect(await site.sync(second.provider)).toMatchObject({
    state: 'succeeded',
    counts: { schools: { updated: 1 }, sections: { updated: 1 } },
  })
  const before = target.writes
  await site.sync(first.provider)
  await site.sync(second.provider)
  expect(target.writes).toBe(before)
})

test('a name on another target is free', async () => {
  for (const [prefix, host] of [
    ['e', 'one'],
    ['f', 'two'],
  ] as const) {
    const target = new MemoryTarget()
    const { provider } = await addHalf(target, prefix, `https://${host}.example/v2`)
    await site.sync(provider)
    expect(listNames(target)).toEqual([
      `${prefix}:clever:c1 Math 1`,
      `${prefix}:clever:s1 Hill School`,
    ])
  }
})
