import { fc } from '../../support/properties.ts'
import { withdraw } from '../../../core/approval/commands.ts'
import { elapse } from '../../../core/approval/elapse.ts'
import { findEligibilityFault } from '../../../core/approval/eligibility.ts'
import { listCountedVotes } from '../../../core/approval/tally.ts'
import { decideByRules, type Case, type Deed, type Verdict } from '../../support/approval-oracle.ts'
import {
  ApprovalDriver,
  SUBJECT_HASH,
  momentAt,
  sampleApproval,
  sampleElectorate,
  samplePolicy,
} from '../../support/approval-cases.ts'

const people = ['a', 'b', 'c', 'r'] as const
const END_SECONDS = 10_000

const person = fc.constantFrom(...people)
const vote = fc.record({
  kind: fc.constant('vote' as const),
  by: person,
  for: fc.option(person, { nil: undefined, freq: 2 }),
  verdict: fc.constantFrom('approve' as const, 'approve' as const, 'deny' as const),
  isStale: fc.constant(false as boolean),
})
const staleVote = vote.map((deed) => ({ ...deed, isStale: true }))
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 9, arbitrary: vote },
  { weight: 1, arbitrary: staleVote },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('delegate' as const), by: person, to: person }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const), by: person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who: person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
)

const rules = fc.record({
  groups: fc.record({ first: fc.subarray([...people]), second: fc.subarray([...people]) }),
  quorums: fc.tuple(
    fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constantFrom('34%', '60%', '100%')),
    fc.integer({ min: 1, max: 2 }),
  ),
  denyThreshold: fc.integer({ min: 1, max: 2 }),
})

function open({ groups, quorums, denyThreshold }: Omit<Case, 'deeds'>): ApprovalDriver {
  const stages = (['first', 'second'] as const).map((name, index) => ({
    name,
    approvers: { group: name },
    quorum: quorums[index],
    denyThreshold,
  }))
  const policy = samplePolicy({ stages, expiresAfter: `PT${END_SECONDS}S` })
  return new ApprovalDriver(sampleApproval({ policy, requester: 'r' }), sampleElectorate(groups))
}

function act(driver: ApprovalDriver, what: Deed): string {
  switch (what.kind) {
    case 'vote':
      return driver.vote(what.by, {
        actingFor: what.for,
        verdict: what.verdict,
        subjectHash: what.isStale ? 'stale' : SUBJECT_HASH,
      })
    case 'delegate':
      return driver.delegate(what.by, what.to)
    case 'ask':
      return driver.ask(what.by)
    case 'answer':
      return driver.answer('r')
    case 'withdraw':
      return driver.take((approval, moment) => withdraw(approval, { actor: 'r' }, moment))
    case 'leave':
      driver.electorate = sampleElectorate(
        Object.fromEntries(
          [...driver.electorate.groups].map(([name, { members }]) => [
            name,
            [...members].filter((member) => member !== what.who),
          ]),
        ),
      )
      return driver.approval.state
    case 'expire':
      return driver.take((approval) =>
        elapse(approval, momentAt(END_SECONDS, driver.electorate).now),
      )
    default:
      return what satisfies never
  }
}

function decide(given: Case): Verdict {
  const driver = open(given)
  const answers = given.deeds.map((what) => act(driver, what))
  return { state: driver.approval.state, answers }
}

function* permute<T>(items: readonly T[]): Generator<T[], void, undefined> {
  if (items.length < 2) yield [...items]
  else
    for (const [index, item] of items.entries())
      for (const rest of permute(items.toSpliced(index, 1))) yield [item, ...rest]
}

test('whatever five people do, in every order, ends as the rules say one by one', () => {
  fc.assert(
    fc.property(rules, fc.array(deed, { minLength: 1, maxLength: 5 }), (given, deeds) => {
      for (const order of permute(deeds)) {
        const each = { ...given, deeds: order }
        expect(decide(each)).toEqual(decideByRules(each))
      }
    }),
    { numRuns: 60 },
  )
})

test('long stories end as the rules say one by one', () => {
  fc.assert(
    fc.property(rules, fc.array(deed, { minLength: 5, maxLength: 40 }), (given, deeds) => {
      expect(decide({ ...given, deeds })).toEqual(decideByRules({ ...given, deeds }))
    }),
    { numRuns: 1_000 },
  )
})

test('no person and no mandate counts twice, and who may not vote never does', () => {
  fc.assert(
    fc.property(rules, fc.array(deed, { maxLength: 30 }), (given, deeds) => {
      const driver = open(given)
      for (const what of deeds) {
        act(driver, what)
        const counted = listCountedVotes(driver.approval, driver.electorate)
        const mandates = counted.map(({ actor, actingFor }) => actingFor ?? actor)
        expect(new Set(counted.map(({ actor }) => actor)).size).toBe(counted.length)
        expect(new Set(mandates).size).toBe(counted.length)
        for (const each of counted) {
          expect(findEligibilityFault(driver.approval, each, driver.electorate)).toBeUndefined()
          expect(each.actor).not.toBe('r')
        }
      }
    }),
  )
})

const ENDS = ['approved', 'denied', 'expired', 'withdrawn']

test('an approval ends once and for all', () => {
  fc.assert(
    fc.property(rules, fc.array(deed, { maxLength: 40 }), (given, deeds) => {
      const driver = open(given)
      for (const what of deeds) act(driver, what)
      const ends = driver.events.filter((event) => ENDS.includes(event))
      expect(ends).toEqual(ENDS.includes(driver.approval.state) ? [driver.approval.state] : [])
    }),
  )
})
