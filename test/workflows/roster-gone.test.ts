import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { enrollment, school, section, user } from '../support/roster-records.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

let site: RosterSite
let source: MemorySource
let target: MemoryTarget
let provider: string

beforeAll(async () => {
  site = await startRosterSite({ plain: true })
})
beforeEach(async () => {
  source = new MemorySource()
  target = new MemoryTarget()
  provider = await site.addProvider({ source, target })
  for (const id of ['north', 'south']) {
    source.put(school(id), section(`${id}-1`, id), section(`${id}-2`, id))
    for (let number = 1; number <= 10; number += 1) {
      const name = `${id}-${number}`
      source.put(user(name, id), enrollment(name, `${id}-${1 + (number % 2)}`))
    }
  }
})
afterAll(async () => {
  await site.close()
})

test('groups and accounts that are gone at the target are made anew, with all that belongs to them', async () => {
  await site.sync(provider)
  const whole = target.read()
  const scimIdOf = (externalId: string, all: ReadonlyMap<string, { externalId: string }>): string =>
    [...all].find(([, one]) => one.externalId === externalId)?.[0] ?? ''
  target.groups.delete(scimIdOf('clever:north-1', target.groups))
  const lost = scimIdOf('clever:south-2', target.people)
  target.people.delete(lost)
  for (const { members } of target.groups.values()) members.delete(lost)
  source.put(user('south-2', 'south', { familyName: 'Married' }))
  source.put(enrollment('north-1', 'north-1'))
  expect(await site.sync(provider)).toMatchObject({
    state: 'partial',
    counts: { sections: { failed: 1 } },
  })
  expect(await site.sync(provider)).toMatchObject({
    state: 'succeeded',
    counts: { sections: { created: 1 } },
  })
  const { people, groups } = target.read()
  expect(people['clever:south-2']?.name.familyName).toBe('Married')
  const north = whole.groups['clever:north-1'] as { readonly members: readonly string[] }
  expect(groups).toEqual({
    ...whole.groups,
    'clever:north-1': { ...north, members: ['clever:north-1', ...north.members] },
  })
})

test('an account that is found to be gone when it is entitled is made anew, and entitled', async () => {
  await site.sync(provider)
  const find = (): string | undefined =>
    [...target.people].find(([, one]) => one.externalId === 'clever:south-1')?.[0]
  target.people.delete(find() ?? '')
  const product = `art-${provider}`
  const settings = seatPoolSchema.parse({ capacity: 50, overLimit: { policy: 'hard' }, rule: {} })
  await putSeatPool(site.database.db, { tenant: site.tenant, product, settings })
  expect(await site.sync(provider)).toMatchObject({ state: 'partial' })
  expect(await site.sync(provider)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, failed: 0 } },
  })
  expect(target.entitlements.get(find() ?? '')).toContain(product)
})

test('a section takes over the name of one that goes, or that is renamed', async () => {
  source.put(section('north-9', 'north', 'Choir'))
  await site.sync(provider)
  source.remove('sections', 'north-9')
  source.put(section('north-8', 'north', 'Choir'))
  source.put(section('south-1', 'south', 'Section south-2'))
  source.put(section('south-2', 'south', 'Band'))
  expect(await site.sync(provider)).toMatchObject({ state: 'succeeded' })
  expect(target.read().groups).toMatchObject({
    'clever:north-8': { displayName: 'Choir' },
    'clever:south-1': { displayName: 'Section south-2' },
    'clever:south-2': { displayName: 'Band' },
  })
})
