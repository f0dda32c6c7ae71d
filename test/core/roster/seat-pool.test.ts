import {
  overLimitEnd,
  releaseEnd,
  seatLimit,
  seatPoolSchema,
} from '../../../core/roster/seat-pool.ts'

const now = new Date('2026-08-17T00:00:00.000Z')

test('a pool of nothing but a capacity is hard, and releases after 14 days', () => {
  const pool = seatPoolSchema.parse({ capacity: 3 })
  expect(pool).toEqual({
    capacity: 3,
    reservations: {},
    rule: {},
    overLimit: { policy: 'hard' },
    releaseGrace: 'P14D',
    priorities: [],
  })
  expect(releaseEnd(pool, now).toISOString()).toBe('2026-08-31T00:00:00.000Z')
  expect(overLimitEnd(pool, now)).toBeUndefined()
})

test.each([
  [100, 20, 120],
  [5, 20, 6],
  [4, 20, 4],
  [1000, 4.1, 1041],
  [0, 50, 0],
])('a capacity of %i with an overage of %d percent lets %i in', (capacity, maxPercent, limit) => {
  const overLimit = { policy: 'overage', maxPercent }
  expect(seatLimit(seatPoolSchema.parse({ capacity, overLimit }))).toBe(limit)
})

test.each(['hard', 'waitlist', 'grace'])(
  'the policy %s lets in what the capacity says',
  (policy) => {
    const overLimit = { policy, maxPercent: 20, days: 30 }
    expect(seatLimit(seatPoolSchema.parse({ capacity: 10, overLimit }))).toBe(10)
  },
)

test.each([
  ['capacity', {}],
  ['capacity', { capacity: -1 }],
  ['capacity', { capacity: 1.5 }],
  ['reservations', { capacity: 3, reservations: { a: 2, b: 2 } }],
  ['reservations.a', { capacity: 3, reservations: { a: -1 } }],
  ['overLimit.policy', { capacity: 3, overLimit: { policy: 'soft' } }],
  ['overLimit.maxPercent', { capacity: 3, overLimit: { policy: 'overage' } }],
  ['overLimit.days', { capacity: 3, overLimit: { policy: 'grace' } }],
  ['overLimit.days', { capacity: 3, overLimit: { policy: 'grace', days: 0 } }],
  ['releaseGrace', { capacity: 3, releaseGrace: '14 days' }],
  ['priorities.0.grades', { capacity: 3, priorities: [{ grades: [], priority: 1 }] }],
  ['rule.schools', { capacity: 3, rule: { schools: 'a' } }],
  ['rule', { capacity: 3, rule: { buildings: [] } }],
  ['', { capacity: 3, seats: 3 }],
])('a fault at "%s" is named', (path, pool) => {
  const issues = seatPoolSchema.safeParse(pool).error?.issues ?? []
  expect(issues.map((issue) => issue.path.join('.'))).toContain(path)
})
