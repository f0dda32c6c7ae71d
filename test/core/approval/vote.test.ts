import { withdraw } from '../../../core/approval/commands.ts'
import { tallyStage } from '../../../core/approval/tally.ts'
import { loginKey } from '../../../core/user/login.ts'
import {
  ApprovalDriver,
  openedAt,
  sampleApproval,
  sampleElectorate,
  samplePolicy,
} from '../../support/approval-cases.ts'

const three = sampleElectorate({ approvers: ['ann', 'bob', 'cy'] })

function drive(
  policy: Record<string, unknown> = {},
  groups: Readonly<Record<string, readonly string[]>> = { approvers: ['ann', 'bob', 'cy'] },
): ApprovalDriver {
  return new ApprovalDriver(
    sampleApproval({ policy: samplePolicy(policy) }),
    sampleElectorate(groups),
  )
}

function permute<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) =>
    permute(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  )
}

test.each(permute(['ann', 'bob', 'cy']))('two of three approve: %s, %s, %s', (...order) => {
  const driver = drive()
  expect(driver.vote(order[0] ?? '')).toBe('open')
  expect(driver.vote(order[1] ?? '')).toBe('approved')
  expect(driver.vote(order[2] ?? '')).toBe('approval_closed')
  expect(driver.events).toEqual(['voted', 'voted', 'approved'])
})

test.each(permute(['ann', 'bob', 'cy']))(
  'one of three denies: %s, then %s, then %s',
  (...order) => {
    const driver = drive({ stages: [stageOf({ quorum: 3 })] })
    const [first = '', second = '', third = ''] = order
    driver.vote(first)
    driver.vote(second)
    expect(driver.vote(third, { verdict: 'deny' })).toBe('denied')
    expect(driver.events).toEqual(['voted', 'voted', 'voted', 'denied'])
  },
)

function stageOf(change: Record<string, unknown>): Record<string, unknown> {
  return { name: 'first', approvers: { group: 'approvers' }, quorum: 2, ...change }
}

test('denials are looked at before approvals', () => {
  // The vote that completes the quorum is a change of mind of the one who denied.
  const driver = drive({ stages: [stageOf({ quorum: 1, denyThreshold: 2 })] })
  expect(driver.vote('ann', { verdict: 'deny' })).toBe('open')
  const both = { ...driver.approval, policy: samplePolicy({ stages: [stageOf({ quorum: 1 })] }) }
  const later = new ApprovalDriver(both, three)
  expect(later.vote('bob')).toBe('denied')
})

test('a deny threshold of two takes two denials', () => {
  const driver = drive({ stages: [stageOf({ denyThreshold: 2 })] })
  expect(driver.vote('ann', { verdict: 'deny' })).toBe('open')
  expect(driver.vote('ann', { verdict: 'deny' })).toBe('open')
  expect(driver.vote('bob', { verdict: 'deny' })).toBe('denied')
})

test('the last vote of one person counts, and all are kept', () => {
  const driver = drive({ stages: [stageOf({ denyThreshold: 2 })] })
  driver.vote('ann', { verdict: 'deny' })
  driver.vote('ann')
  expect(driver.approval.tallies).toEqual([{ approve: 1, deny: 0, needed: 2 }])
  expect(driver.approval.votes).toHaveLength(2)
  expect(driver.vote('ann')).toBe('open')
  expect(driver.vote('bob')).toBe('approved')
})

test('neither the requester nor the beneficiary votes', () => {
  const groups = { approvers: ['ann', 'requester', 'gainer'] }
  const approval = sampleApproval({ beneficiary: 'gainer' })
  const driver = new ApprovalDriver(approval, sampleElectorate(groups))
  expect(driver.vote('requester')).toBe('four_eyes')
  expect(driver.vote('gainer')).toBe('four_eyes')
  expect(driver.vote('stranger')).toBe('not_an_approver')
  expect(driver.approval.votes).toEqual([])
})

test('a delegate of the requester never votes, in their own right neither', () => {
  const mandate = { since: openedAt, until: new Date('2026-01-01T00:00:00Z') }
  const claims = { scopes: [] }
  const delegations = [{ from: 'requester', to: 'bob', claims, ...mandate }]
  const driver = new ApprovalDriver(sampleApproval({ delegations }), three)
  expect(driver.vote('bob')).toBe('four_eyes')
  expect(driver.vote('bob', { actingFor: 'requester' })).toBe('four_eyes')
})

test('who never votes neither gives nor gets a delegation', () => {
  const driver = drive({}, { approvers: ['ann', 'bob', 'requester'] })
  expect(driver.delegate('requester', 'bob')).toBe('four_eyes')
  expect(driver.delegate('ann', 'requester')).toBe('four_eyes')
  expect(driver.delegate('stranger', 'dan')).toBe('not_an_approver')
  expect(driver.approval.delegations).toEqual([])
})

test('a delegate votes for the delegator, and only until the time is over', () => {
  const driver = drive()
  expect(driver.vote('dan', { actingFor: 'ann' })).toBe('not_an_approver')
  driver.delegate('ann', 'dan', 10)
  expect(driver.vote('dan')).toBe('not_an_approver')
  expect(driver.vote('dan', { actingFor: 'bob' })).toBe('not_an_approver')
  expect(driver.vote('dan', { actingFor: 'ann' })).toBe('open')
  driver.seconds = 11
  expect(driver.vote('dan', { actingFor: 'ann' })).toBe('not_an_approver')
  // Cast in time it counts on.
  expect(driver.vote('bob')).toBe('approved')
})

test('a delegation is not transitive', () => {
  const driver = drive()
  driver.delegate('ann', 'dan')
  expect(driver.delegate('dan', 'eve')).toBe('not_an_approver')
  driver.delegate('bob', 'ann')
  driver.delegate('ann', 'eve')
  expect(driver.vote('eve', { actingFor: 'bob' })).toBe('not_an_approver')
})

test('delegations in a circle give nobody a second vote', () => {
  const driver = drive({ stages: [stageOf({ quorum: 3 })] })
  driver.delegate('ann', 'bob')
  driver.delegate('bob', 'cy')
  driver.delegate('cy', 'ann')
  expect(driver.vote('bob', { actingFor: 'ann' })).toBe('open')
  expect(driver.vote('cy', { actingFor: 'bob' })).toBe('open')
  expect(driver.vote('ann')).toBe('open')
  // Ann's mandate was used by Bob before she voted herself: two mandates so far.
  expect(driver.approval.tallies).toEqual([{ approve: 2, deny: 0, needed: 3 }])
  expect(driver.vote('ann', { actingFor: 'cy' })).toBe('approved')
})

test('delegator and delegate are one mandate, of which the last vote counts', () => {
  const driver = drive({ stages: [stageOf({ quorum: 2, denyThreshold: 2 })] })
  driver.delegate('ann', 'dan')
  driver.vote('ann', { verdict: 'deny' })
  driver.vote('dan', { actingFor: 'ann' })
  expect(driver.approval.tallies).toEqual([{ approve: 1, deny: 0, needed: 2 }])
  driver.vote('ann', { verdict: 'deny' })
  expect(driver.approval.tallies).toEqual([{ approve: 0, deny: 1, needed: 2 }])
})

test('who votes for themselves and for another is one person', () => {
  const driver = drive()
  driver.delegate('ann', 'bob')
  driver.vote('bob')
  expect(driver.vote('bob', { actingFor: 'ann' })).toBe('open')
  expect(driver.approval.tallies).toEqual([{ approve: 1, deny: 0, needed: 2 }])
})

test('who is named as their own delegator votes for themselves', () => {
  const driver = drive()
  expect(driver.vote('ann', { actingFor: 'ann' })).toBe('open')
  expect(driver.approval.votes[0]).toMatchObject({ actor: 'ann', actingFor: undefined })
})

test('a vote for another hash is refused and counts nothing', () => {
  const driver = drive()
  expect(driver.vote('ann', { subjectHash: 'other' })).toBe('subject_changed')
  expect(driver.approval).toMatchObject({ votes: [], tallies: [] })
})

test('there are no votes while a question is open, and earlier ones stay', () => {
  const driver = drive()
  driver.vote('ann')
  expect(driver.answer('requester')).toBe('not_requested')
  expect(driver.ask('stranger')).toBe('not_an_approver')
  expect(driver.ask('requester')).toBe('four_eyes')
  expect(driver.ask('bob')).toBe('info-requested')
  expect(driver.ask('cy')).toBe('info_requested')
  expect(driver.vote('bob')).toBe('info_requested')
  expect(driver.answer('bob')).toBe('not_a_party')
  expect(driver.answer('requester')).toBe('open')
  expect(driver.vote('bob')).toBe('approved')
})

test('a policy may demand a reason', () => {
  const driver = drive({ justification: 'required' })
  expect(driver.vote('ann', { hasReason: false })).toBe('reason_required')
  expect(driver.vote('ann')).toBe('open')
})

test('only the requester withdraws, and only what is pending', () => {
  const driver = drive({ stages: [stageOf({ quorum: 1 })] })
  const withdrawBy = (actor: string): string =>
    driver.take((approval, moment) => withdraw(approval, { actor }, moment))
  expect(withdrawBy('ann')).toBe('not_a_party')
  driver.vote('ann')
  expect(withdrawBy('requester')).toBe('approval_closed')
})

test('somebody removed from the group neither votes nor counts', () => {
  const driver = drive()
  driver.vote('ann')
  driver.electorate = sampleElectorate({ approvers: ['bob', 'cy'] })
  expect(driver.vote('ann')).toBe('not_an_approver')
  expect(driver.vote('bob')).toBe('open')
  expect(driver.approval.tallies).toEqual([{ approve: 1, deny: 0, needed: 2 }])
  expect(driver.vote('cy')).toBe('approved')
})

test('somebody disabled votes neither for themselves nor for another', () => {
  const driver = drive()
  driver.delegate('ann', 'dan')
  driver.electorate = { ...driver.electorate, disabled: new Set(['bob', 'dan']) }
  expect(driver.vote('bob')).toBe('not_an_approver')
  expect(driver.vote('dan', { actingFor: 'ann' })).toBe('not_an_approver')
})

test("a removed delegator's mandate counts nothing", () => {
  const driver = drive()
  driver.delegate('ann', 'dan')
  driver.vote('dan', { actingFor: 'ann' })
  driver.electorate = sampleElectorate({ approvers: ['bob', 'cy'] })
  expect(driver.vote('dan', { actingFor: 'ann' })).toBe('not_an_approver')
  expect(driver.vote('bob')).toBe('open')
})

test('a person in two groups votes once in each stage', () => {
  const stages = [
    { name: 'security', approvers: { group: 'security' }, quorum: 2 },
    { name: 'board', approvers: { group: 'board' }, quorum: 2 },
  ]
  const driver = drive({ stages }, { security: ['ann', 'bob'], board: ['ann', 'cy'] })
  driver.vote('ann')
  driver.vote('ann')
  expect(driver.vote('cy')).toBe('not_an_approver')
  driver.vote('bob')
  expect(driver.approval.stage).toBe(2)
  expect(driver.vote('bob')).toBe('not_an_approver')
  driver.vote('ann')
  expect(driver.vote('ann')).toBe('open')
  expect(driver.vote('cy')).toBe('approved')
  expect(driver.events.filter((event) => event !== 'voted')).toEqual(['stage-passed', 'approved'])
  expect(driver.approval.tallies).toEqual([
    { approve: 2, deny: 0, needed: 2 },
    { approve: 2, deny: 0, needed: 2 },
  ])
})

test.each([
  ['60%', 5, 3],
  ['60%', 4, 3],
  ['1%', 5, 1],
  ['100%', 3, 3],
  ['50%', 3, 2],
  ['60%', 0, 1],
])('a quorum of %s of %d members is %d', (quorum, size, needed) => {
  const members = Array.from({ length: size }, (_, index) => `member-${index}`)
  const { approval, electorate } = drive({ stages: [stageOf({ quorum })] }, { approvers: members })
  expect(tallyStage(approval, electorate)).toEqual({ approve: 0, deny: 0, needed })
})

test('a percentage is of the members at the tally', () => {
  const driver = drive({ stages: [stageOf({ quorum: '60%' })] })
  driver.vote('ann')
  driver.electorate = sampleElectorate({ approvers: ['ann', 'bob', 'cy', 'dan', 'eve'] })
  expect(driver.vote('bob')).toBe('open')
  driver.electorate = three
  expect(driver.vote('cy')).toBe('approved')
})

test('a percentage is of the group that can decide', () => {
  const escalation = { after: 'PT1H', group: 'bosses' }
  const policy = samplePolicy({ stages: [stageOf({ quorum: '60%', escalation })] })
  const approval = { ...sampleApproval({ policy }), isEscalated: true }
  const bosses = ['flo', 'gus', 'hal', 'ida', 'joe']
  const { needed } = tallyStage(approval, sampleElectorate({ approvers: [], bosses }))
  expect(needed).toBe(3)
  expect(tallyStage(approval, sampleElectorate({ approvers: ['ann'], bosses })).needed).toBe(1)
})

test('where nobody resolves, the fallback group decides, and nobody else', () => {
  const groups = { approvers: ['requester'], fallback: ['fay'] }
  const policy = { fallbackGroup: 'fallback', stages: [stageOf({ quorum: 1 })] }
  const driver = drive(policy, groups)
  expect(driver.vote('requester')).toBe('four_eyes')
  expect(driver.vote('fay')).toBe('approved')
  const other = drive(policy, { approvers: ['ann'], fallback: ['fay'] })
  expect(other.vote('fay')).toBe('not_an_approver')
})

test('where nobody at all resolves, nothing is approved', () => {
  const driver = drive({ stages: [stageOf({ quorum: '60%' })] }, {})
  expect(driver.vote('ann')).toBe('not_an_approver')
  expect(driver.approval.state).toBe('open')
})

test('a scope in the tenant makes an approver, another tenant does not', () => {
  const stages = [{ name: 'plan', approvers: { scope: 'roster:approve' }, quorum: 1 }]
  const approval = sampleApproval({ policy: samplePolicy({ stages }), tenant: 'north' })
  const driver = new ApprovalDriver(approval, sampleElectorate({}))
  const claims = { scopes: ['roster:approve'], tenant: 'north' }
  expect(driver.vote('ann', { claims: { ...claims, tenant: 'south' } })).toBe('not_an_approver')
  expect(driver.vote('ann', { claims: { scopes: ['roster:approve'] } })).toBe('not_an_approver')
  expect(driver.vote('ann', { claims: { ...claims, scopes: [] } })).toBe('not_an_approver')
  expect(driver.vote('requester', { claims })).toBe('four_eyes')
  expect(driver.vote('ann', { claims })).toBe('approved')
})

test.each([
  ['Ann', 'aNN', true],
  ['STRASSE', 'straße', true],
  ['é', 'e\u0301', true],
  ['ann', 'anne', false],
])('loginKey() says whether %s and %s are one person', (one, other, expected) => {
  expect(loginKey(one) === loginKey(other)).toBe(expected)
})
