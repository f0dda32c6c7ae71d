import { fc } from '../../support/properties.ts'
import {
  judgePlan,
  mayApplyRest,
  type PlanShape,
  type TypeShape,
} from '../../../core/roster/guard.ts'
import type { GuardJudgement, GuardRule } from '../../../core/roster/run.ts'
import type { GuardLimits } from '../../../core/roster/rules.ts'

const limits: GuardLimits = {
  deactivations: { atLeast: 50, percent: 10 },
  updates: { percent: 75 },
  shrunk: { percent: 50 },
  rekeyed: true,
}

function typeOf(change: Partial<TypeShape>): TypeShape {
  const same = { type: 'users', active: 1_000, before: 1_000, now: 1_000 } as const
  return { ...same, updates: 0, deactivations: 0, ...change }
}

function shapeOf(change: Partial<TypeShape>, more: Partial<PlanShape> = {}): PlanShape {
  return { types: [typeOf(change)], schools: [], addsOnly: false, ...more }
}

function listTripped(shape: PlanShape): GuardRule[] {
  return judgePlan(shape, limits).flatMap(({ rule, tripped }) => (tripped ? [rule] : []))
}

test.each([
  [99, false],
  [100, false],
  [101, true],
])('%i deactivations of 1,000: %s', (deactivations, tripped) => {
  expect(listTripped(shapeOf({ deactivations }))).toEqual(tripped ? ['deactivations'] : [])
})

test('few may always leave, whatever share they are', () => {
  expect(listTripped(shapeOf({ active: 60, deactivations: 50 }))).toEqual([])
  expect(listTripped(shapeOf({ active: 60, deactivations: 51 }))).toEqual(['deactivations'])
})

test('a school alone is judged as the whole is', () => {
  const school = { school: 's1', active: 600, created: 0 }
  const shape = (deactivations: number): PlanShape =>
    shapeOf({ active: 10_000, deactivations }, { schools: [{ ...school, deactivations }] })
  expect(listTripped(shape(60))).toEqual([])
  expect(judgePlan(shape(61), limits)).toContainEqual({
    rule: 'deactivations',
    type: 'users',
    school: 's1',
    count: 61,
    limit: 60,
    tripped: true,
  })
})

test('more than three quarters of updates, and a source of less than half, trip', () => {
  expect(listTripped(shapeOf({ updates: 750 }))).toEqual([])
  expect(listTripped(shapeOf({ updates: 751 }))).toEqual(['updates'])
  expect(listTripped(shapeOf({ now: 500 }))).toEqual([])
  expect(listTripped(shapeOf({ now: 499 }))).toEqual(['shrunk'])
})

test('a source without anybody trips while somebody is active', () => {
  expect(listTripped(shapeOf({ now: 0 }))).toEqual(['shrunk', 'empty'])
  expect(listTripped(shapeOf({ now: 0, before: 0, active: 0 }))).toEqual([])
})

test('a school of which everybody is replaced is re-keyed; one leaver and one newcomer are not', () => {
  const of = (active: number, replaced: number): GuardRule[] =>
    listTripped(
      shapeOf(
        {},
        { schools: [{ school: 's', active, created: replaced, deactivations: replaced }] },
      ),
    )
  expect(of(40, 40)).toEqual(['re-keyed'])
  expect(of(2, 2)).toEqual(['re-keyed'])
  expect(of(40, 30)).toEqual([])
  expect(of(1, 1)).toEqual([])
})

test('a run that only adds is held for mass updates alone', () => {
  const shape = { active: 100, now: 0, deactivations: 100, updates: 76 }
  expect(listTripped(shapeOf(shape, { addsOnly: true }))).toEqual(['updates'])
})

test('the rest may go on where nothing is wrong but who leaves', () => {
  const tripped = (rule: GuardRule): GuardJudgement => ({ rule, count: 1, limit: 0, tripped: true })
  expect(mayApplyRest([tripped('deactivations'), tripped('empty')])).toBe(true)
  expect(mayApplyRest([tripped('deactivations'), tripped('re-keyed')])).toBe(false)
  expect(mayApplyRest([{ ...tripped('updates'), tripped: false }])).toBe(true)
})

test('more deactivations never untrip the guard, and a tripped rule is over its limit', () => {
  const counts = fc.record({
    active: fc.nat(5_000),
    updates: fc.nat(5_000),
    deactivations: fc.nat(5_000),
    before: fc.nat(5_000),
    now: fc.nat(5_000),
  })
  fc.assert(
    fc.property(counts, fc.nat(100), (counted, more) => {
      const judgements = judgePlan(shapeOf(counted), limits)
      expect(judgements.every(({ count, limit, tripped }) => tripped === count > limit)).toBe(true)
      const worse = shapeOf({ ...counted, deactivations: counted.deactivations + more })
      const rules = listTripped(worse)
      expect(rules).toEqual(expect.arrayContaining(listTripped(shapeOf(counted))))
    }),
  )
})
