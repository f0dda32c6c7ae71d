import type { Approval } from '../../../core/approval/approval.ts'
import { findNextTimer, listOpeningTimers } from '../../../core/approval/deadlines.ts'
import { elapse } from '../../../core/approval/elapse.ts'
import { supersede } from '../../../core/approval/commands.ts'
import {
  ApprovalDriver,
  momentAt,
  openedAt,
  sampleApproval,
  sampleElectorate,
  samplePolicy,
} from '../../support/approval-cases.ts'

const nobody = sampleElectorate({})
const stage = { name: 'first', approvers: { group: 'approvers' }, quorum: 1 }
const timed = samplePolicy({
  stages: [
    { ...stage, quorum: 2, escalation: { after: 'PT20S', group: 'bosses' } },
    { ...stage, name: 'second', escalation: { after: 'PT30S', group: 'bosses' } },
  ],
  reminders: ['PT10S', 'PT15S', 'P9D'],
  expiresAfter: 'PT60S',
})

function openTimed(change: Partial<Approval> = {}): Approval {
  return sampleApproval({ policy: timed, ...change })
}

function at(seconds: number): Date {
  return momentAt(seconds, nobody).now
}

test('listOpeningTimers() has the reminders, the first escalation and the end, absolute', () => {
  expect(listOpeningTimers(timed, openedAt)).toEqual([
    { kind: 'reminder', at: at(10), isSpent: false },
    { kind: 'reminder', at: at(15), isSpent: false },
    { kind: 'escalation', at: at(20), stage: 1, isSpent: false },
    { kind: 'expiry', at: at(60), isSpent: false },
  ])
})

test('elapse() does nothing before the time of a timer, and all of it at that time', () => {
  const early = elapse(openTimed(), new Date(at(10).getTime() - 1))
  expect(early.events).toEqual([])
  const { approval, events } = elapse(openTimed(), at(10))
  expect(events).toEqual([{ event: 'reminded', detail: { stage: 1 } }])
  expect(findNextTimer(approval.timers)).toEqual({ kind: 'reminder', at: at(15), isSpent: false })
})

test('elapse() spends a timer once', () => {
  const once = elapse(openTimed(), at(10))
  expect(elapse(once.approval, at(11))).toEqual({ approval: once.approval, events: [] })
})

test('elapse() reminds once for all reminders that were slept through', () => {
  const { approval, events } = elapse(openTimed(), at(25))
  expect(events.map(({ event }) => event)).toEqual(['escalated', 'reminded'])
  expect(approval.isEscalated).toBe(true)
  expect(findNextTimer(approval.timers)?.kind).toBe('expiry')
})

test('elapse() only ends what has come to its end', () => {
  const { approval, events } = elapse(openTimed(), at(60))
  expect(events).toEqual([{ event: 'expired' }])
  expect(approval.state).toBe('expired')
  expect(findNextTimer(approval.timers)).toBeUndefined()
})

test('elapse() reminds nobody while a question is open, and ends it all the same', () => {
  const asked = openTimed({ state: 'info-requested' })
  expect(elapse(asked, at(10)).events).toEqual([])
  expect(elapse(asked, at(60)).approval.state).toBe('expired')
})

test.each(['approved', 'applied', 'denied', 'withdrawn'] as const)(
  'elapse() leaves what is %s as it is',
  (state) => {
    const { approval, events } = elapse(openTimed({ state }), at(99))
    expect(approval.state).toBe(state)
    expect(events).toEqual([])
  },
)

test('an escalation adds its group and ends with its stage', () => {
  const groups = { approvers: ['ann', 'bob'], bosses: ['eva'] }
  const driver = new ApprovalDriver(openTimed(), sampleElectorate(groups))
  expect(driver.vote('eva')).toBe('not_an_approver')
  driver.seconds = 20
  expect(driver.vote('eva')).toBe('open')
  driver.vote('ann')
  expect(driver.approval).toMatchObject({ stage: 2, isEscalated: false })
  expect(driver.vote('eva')).toBe('not_an_approver')
  // The second stage began with the vote at second 22.
  driver.seconds = 50
  expect(driver.vote('eva')).toBe('not_an_approver')
  expect(driver.vote('eva')).toBe('approved')
})

test('the escalation of a stage that was passed does nothing', () => {
  const groups = { approvers: ['ann', 'bob'], bosses: ['eva'] }
  const driver = new ApprovalDriver(openTimed(), sampleElectorate(groups))
  driver.vote('ann')
  driver.vote('bob')
  const { approval, events } = elapse(driver.approval, at(21))
  expect(approval.isEscalated).toBe(false)
  expect(events.map(({ event }) => event)).toEqual(['reminded'])
})

test.each([59_999, 60_000])(
  'a vote in the millisecond of the end meets an end that is over or not, never both: %d',
  (ms) => {
    const groups = { approvers: ['ann'] }
    const policy = samplePolicy({ stages: [stage], expiresAfter: 'PT60S' })
    const driver = new ApprovalDriver(sampleApproval({ policy }), sampleElectorate(groups))
    driver.seconds = ms / 1_000 - 1
    const answer = driver.vote('ann')
    const isInTime = ms < 60_000
    expect(answer).toBe(isInTime ? 'approved' : 'approval_closed')
    expect(driver.events).toEqual(isInTime ? ['voted', 'approved'] : ['expired'])
    expect(elapse(driver.approval, at(61)).events).toEqual([])
  },
)

test('what has expired is not superseded', () => {
  const step = supersede(openTimed(), momentAt(60, nobody))
  expect(step).toMatchObject({ refusal: 'approval_closed', events: [{ event: 'expired' }] })
})
