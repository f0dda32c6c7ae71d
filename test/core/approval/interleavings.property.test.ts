import {
  array,
  assert as assertProperty,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  property,
  record,
  subarray,
  tuple,
  type Arbitrary,
} from 'fast-check'
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

const person = constantFrom(...people)
const vote = record({
  kind: constant('vote' as const),
  by: person,
  for: option(person, { nil: undefined, freq: 2 }),
  verdict: constantFrom('approve' as const, 'approve' as const, 'deny' as const),
  isStale: constant(false as boolean),
})
const staleVote = vote.map((deed) => ({ ...deed, isStale: true }))
const deed: Arbitrary<Deed> = oneof(
  { weight: 9, arbitrary: vote },
  { weight: 1, arbitrary: staleVote },
  {
    weight: 3,
    arbitrary: record({ kind: constant('delegate' as const), by: person, to: person }),
  },
  { weight: 1, arbitrary: record({ kind: constant('ask' as const), by: person }) },
  { weight: 1, arbitrary: record({ kind: constant('answer' as const) }) },
  { weight: 1, arbitrary: record({ kind: constant('leave' as const), who: person }) },
  { weight: 1, arbitrary: record({ kind: constant('withdraw' as const) }) },
  { weight: 1, arbitrary: record({ kind: constant('expire' as const) }) },
)

const rules = record({
  groups: record({ first: subarray([...people]), second: subarray([...people]) }),
  quorums: tuple(
    oneof(integer({ min: 1, max: 3 }), constantFrom('34%', '60%', '100%')),
    integer({ min: 1, max: 2 }),
  ),
  denyThreshold: integer({ min: 1, max: 2 }),
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
  assertProperty(
    property(rules, array(deed, { minLength: 1, maxLength: 5 }), (given, deeds) => {
      for (const order of permute(deeds)) {
        const each = { ...given, deeds: order }
        expect(decide(each)).toEqual(decideByRules(each))
      }
    }),
    { numRuns: 60 },
  )
})

test('long stories end as the rules say one by one', () => {
  assertProperty(
    property(rules, array(deed, { minLength: 5, maxLength: 40 }), (given, deeds) => {
      expect(decide({ ...given, deeds })).toEqual(decideByRules({ ...given, deeds }))
    }),
    { numRuns: 1_000 },
  )
})

test('no person and no mandate counts twice, and who may not vote never does', () => {
  assertProperty(
    property(rules, array(deed, { maxLength: 30 }), (given, deeds) => {
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
  assertProperty(
    property(rules, array(deed, { maxLength: 40 }), (given, deeds) => {
      const driver = open(given)
      for (const what of deeds) act(driver, what)
      const ends = driver.events.filter((event) => ENDS.includes(event))
      expect(ends).toEqual(ENDS.includes(driver.approval.state) ? [driver.approval.state] : [])
    }),
  )
})
