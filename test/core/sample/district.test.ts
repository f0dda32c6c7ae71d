import { rosterCollections, type RosterCollection } from '../../../core/roster/record.ts'
import {
  createDistrict,
  listRecords,
  type District,
  type DistrictKind,
  type RecordOf,
} from '../../../core/sample/district.ts'
import { mutateDistrict, mutationKinds } from '../../../core/sample/district-mutations.ts'

const AT = '2026-11-01T00:00:00.000Z'
const kinds: readonly DistrictKind[] = ['clever', 'oneroster']

function create(kind: DistrictKind, users: number, seed = 1): District {
  return createDistrict({ kind, users, seed, startsAt: '2026-08-01T00:00:00.000Z' })
}

function list<C extends RosterCollection>(district: District, collection: C): RecordOf<C>[] {
  const records: RecordOf<C>[] = []
  for (const { record, isGone } of listRecords(district, collection)) {
    if (!isGone) records.push(record as RecordOf<C>) // of the collection that was asked for
  }
  return records
}

function idsOf(records: readonly { readonly id: string }[]): Set<string> {
  const ids = new Set(records.map(({ id }) => id))
  expect(ids.size).toBe(records.length)
  return ids
}

function assertSound(district: District): void {
  const [schools, terms, courses] = [
    idsOf(list(district, 'schools')),
    idsOf(list(district, 'terms')),
    idsOf(list(district, 'courses')),
  ]
  const [sections, users] = [list(district, 'sections'), list(district, 'users')]
  const [sectionIds, userIds] = [idsOf(sections), idsOf(users)]
  const enrollments = list(district, 'enrollments')
  idsOf(enrollments)
  const dangling = [
    ...sections.filter(
      ({ schoolId, courseId = '', termIds }) =>
        !schools.has(schoolId) || !courses.has(courseId) || !termIds.every((id) => terms.has(id)),
    ),
    ...users.filter(({ schoolIds }) => !schoolIds.every((id) => schools.has(id))),
    ...enrollments.filter(
      ({ userId, sectionId }) => !userIds.has(userId) || !sectionIds.has(sectionId),
    ),
  ]
  expect(dangling).toEqual([])
}

test.each([1, 2, 7, 60, 601, 1_300])(
  'createDistrict() has exactly %i people, and nothing dangles',
  (users) => {
    for (const kind of kinds) {
      const district = create(kind, users)
      expect(list(district, 'users')).toHaveLength(users)
      assertSound(district)
    }
  },
)

test('createDistrict() gives equal districts for equal seeds, and others for another', () => {
  const [first, again, other] = [1, 1, 2].map((seed) => list(create('clever', 100, seed), 'users'))
  expect(first).toEqual(again)
  expect(first).not.toEqual(other)
})

test('a district of many has the faults of real ones, and about six enrollments a person', () => {
  const district = create('oneroster', 2_500)
  const users = list(district, 'users')
  const emails = users.flatMap(({ email }) => email ?? [])
  const shared = emails.length - new Set(emails).size
  const share = (count: number): number => count / users.length
  expect(share(users.length - emails.length)).toBeCloseTo(0.06, 1)
  expect(share(shared)).toBeGreaterThan(0.01)
  expect(emails.some((email) => /^[^@]*$|@@|@$/.test(email))).toBe(true)
  expect(users.some(({ isEnabled }) => !isEnabled)).toBe(true)
  expect(users.some(({ roles }) => roles.length > 1)).toBe(true)
  for (const odd of ['|', '/', ' ', '%'])
    expect(users.some(({ id }) => id.includes(odd))).toBe(true)
  expect(share(list(district, 'enrollments').length)).toBeGreaterThan(5.5)
  expect(share(list(district, 'enrollments').length)).toBeLessThan(7)
})

test('the people of Clever come in the order of their ids', () => {
  const ids = list(create('clever', 2_000), 'users').map(({ id }) => id)
  expect(ids).toEqual(ids.toSorted())
  expect(ids.every((id) => /^[0-9a-f]{24}$/.test(id))).toBe(true)
})

test.each(mutationKinds)(
  'mutateDistrict() of "%s" changes something, and leaves nothing dangling',
  (kind) => {
    for (const districtKind of kinds) {
      let district = create(districtKind, 120)
      // Only who has left can come back.
      district = mutateDistrict(district, { kind: 'leave', seed: 1, at: AT, school: 1 }).district
      const before = JSON.stringify(
        rosterCollections.map((name) => [...listRecords(district, name)]),
      )
      const mutation = { kind, seed: 7, at: AT, school: 1 }
      const { district: after, changes } = mutateDistrict(district, mutation)
      expect(changes.length).toBeGreaterThan(0)
      assertSound(after)
      const unchanged = rosterCollections.map((name) => [...listRecords(district, name)])
      expect(JSON.stringify(unchanged)).toBe(before)
    }
  },
)

test('who comes back has the same id, and who is given a new one has another', () => {
  const district = create('clever', 120)
  const left = mutateDistrict(district, { kind: 'leave', seed: 1, at: AT, school: 0 })
  const back = mutateDistrict(left.district, { kind: 'return', seed: 1, at: AT, school: 0 })
  const ids = (of: District): string[] => list(of, 'users').map(({ id }) => id)
  expect(ids(left.district)).toHaveLength(119)
  expect(new Set(ids(back.district))).toEqual(new Set(ids(district)))
  const renewed = mutateDistrict(district, { kind: 'new-id', seed: 1, at: AT, school: 0 })
  expect(ids(renewed.district).filter((id) => !ids(district).includes(id))).toHaveLength(1)
})

test('a school that is re-keyed has nobody left of those who were there', () => {
  const district = create('oneroster', 120)
  const { district: after } = mutateDistrict(district, {
    kind: 're-key',
    seed: 1,
    at: AT,
    school: 1,
  })
  const before = new Set(list(district, 'users').map(({ id }) => id))
  const kept = list(after, 'users').filter(({ id }) => before.has(id))
  expect(list(after, 'users')).toHaveLength(120)
  expect(kept).toHaveLength(60)
})

test('a new school year has new sections, everybody a grade further, and no last year', () => {
  const district = create('clever', 1_900)
  const { district: after } = mutateDistrict(district, { kind: 'roll-over', seed: 1, at: AT })
  const grades = (of: District): Map<string, string | undefined> =>
    new Map(list(of, 'users').map(({ id, grades: [grade] }) => [id, grade]))
  const [was, is] = [grades(district), grades(after)]
  const expected = [...is.keys()].map((id) => {
    const old = was.get(id)
    return [id, old === undefined ? undefined : String((Number(old) || 0) + 1)] as const
  })
  expect(is).toEqual(new Map(expected))
  expect([...was].filter(([id]) => !is.has(id)).every(([, grade]) => grade === '12')).toBe(true)
  expect(was.size).toBeGreaterThan(is.size)
  const again = mutateDistrict(after, { kind: 'roll-over', seed: 2, at: AT })
  assertSound(again.district)
})
