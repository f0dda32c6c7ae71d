import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { enrollment, section, twoSchools, user } from '../support/roster-records.ts'

const district = setUpDistrict({ plain: true, records: twoSchools() })

test('groups and accounts that are gone at the target are made anew, with all that belongs to them', async () => {
  await district.sync()
  const whole = district.target.read()
  const scimIdOf = (externalId: string, all: ReadonlyMap<string, { externalId: string }>): string =>
    [...all].find(([, one]) => one.externalId === externalId)?.[0] ?? ''
  district.target.groups.delete(scimIdOf('clever:north-1', district.target.groups))
  const lost = scimIdOf('clever:south-2', district.target.people)
  district.target.people.delete(lost)
  for (const { members } of district.target.groups.values()) members.delete(lost)
  district.source.put(user('south-2', 'south', { familyName: 'Married' }))
  district.source.put(enrollment('north-1', 'north-1'))
  expect(await district.sync()).toMatchObject({
    state: 'partial',
    counts: { sections: { failed: 1 } },
  })
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { sections: { created: 1 } },
  })
  const { people, groups } = district.target.read()
  expect(people['clever:south-2']?.name.familyName).toBe('Married')
  const north = whole.groups['clever:north-1'] as { readonly members: readonly string[] }
  expect(groups).toEqual({
    ...whole.groups,
    'clever:north-1': { ...north, members: ['clever:north-1', ...north.members] },
  })
})

test('an account that is found to be gone when it is entitled is made anew, and entitled', async () => {
  await district.sync()
  const find = (): string | undefined =>
    [...district.target.people].find(([, one]) => one.externalId === 'clever:south-1')?.[0]
  district.target.people.delete(find() ?? '')
  const product = `art-${district.provider}`
  const settings = seatPoolSchema.parse({ capacity: 50, overLimit: { policy: 'hard' }, rule: {} })
  await putSeatPool(district.db, { tenant: district.site.tenant, product, settings })
  expect(await district.sync()).toMatchObject({ state: 'partial' })
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, failed: 0 } },
  })
  expect(district.target.entitlements.get(find() ?? '')).toContain(product)
})

test('a section takes over the name of one that goes, or that is renamed', async () => {
  district.source.put(section('north-9', 'north', 'Choir'))
  await district.sync()
  district.source.remove('sections', 'north-9')
  district.source.put(section('north-8', 'north', 'Choir'))
  district.source.put(section('south-1', 'south', 'Section south-2'))
  district.source.put(section('south-2', 'south', 'Band'))
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  expect(district.target.read().groups).toMatchObject({
    'clever:north-8': { displayName: 'Choir' },
    'clever:south-1': { displayName: 'Section south-2' },
    'clever:south-2': { displayName: 'Band' },
  })
})
