import { findApprovalType } from '../../../core/approval/types.ts'
import { listPolicyGroups, listPolicyScopes, policySchema } from '../../../core/approval/policy.ts'

const stage = { name: 'review', approvers: { group: 'reviewers' }, quorum: 1 }
const week = { mon: ['09:00', '17:00'], sat: ['10:00', '24:00'] }

function faultsOf(document: unknown): string[] {
  const result = policySchema.safeParse(document)
  return result.success ? [] : result.error.issues.map(({ path }) => path.join('/'))
}

test.each([
  ['the least', { stages: [stage], expiresAfter: 'P14D' }],
  [
    'everything',
    {
      stages: [
        {
          ...stage,
          quorum: '60%',
          denyThreshold: 2,
          escalation: { after: 'P1D', group: 'chiefs' },
        },
        { name: 'plan', approvers: { scope: 'roster:approve', tenant: 'north' }, quorum: 2 },
      ],
      reminders: ['P3D', 'PT36H'],
      expiresAfter: 'P2W',
      fallbackGroup: 'admins',
      justification: 'required',
      calendar: { timeZone: 'Europe/Berlin', workingHours: week, holidays: ['2025-12-25'] },
    },
  ],
])('policySchema takes %s as it is written', (_, document) => {
  expect(policySchema.parse(document)).toEqual(document)
})

const calendar = { timeZone: 'UTC', workingHours: week }

test.each([
  ['no stage', { stages: [] }, 'stages'],
  ['eleven stages', { stages: Array.from({ length: 11 }, () => stage) }, 'stages'],
  ['an unknown member', { colour: 'red' }, ''],
  ['an unknown member of a stage', { stages: [{ ...stage, colour: 'red' }] }, 'stages/0'],
  ['quorum 0', { stages: [{ ...stage, quorum: 0 }] }, 'stages/0/quorum'],
  ['quorum 0%', { stages: [{ ...stage, quorum: '0%' }] }, 'stages/0/quorum'],
  ['quorum 101%', { stages: [{ ...stage, quorum: '101%' }] }, 'stages/0/quorum'],
  ['half a vote', { stages: [{ ...stage, quorum: 1.5 }] }, 'stages/0/quorum'],
  ['deny threshold 0', { stages: [{ ...stage, denyThreshold: 0 }] }, 'stages/0/denyThreshold'],
  ['no approvers', { stages: [{ name: 'x', quorum: 1 }] }, 'stages/0/approvers'],
  [
    'a nameless group',
    { stages: [{ ...stage, approvers: { group: '' } }] },
    'stages/0/approvers/group',
  ],
  [
    'a share of all who hold a scope',
    { stages: [{ ...stage, approvers: { scope: 'x:y' }, quorum: '50%' }] },
    'stages/0/quorum',
  ],
  ['no end', { expiresAfter: undefined }, 'expiresAfter'],
  ['an end at once', { expiresAfter: 'PT0S' }, 'expiresAfter'],
  ['a month', { expiresAfter: 'P1M' }, 'expiresAfter'],
  ['a wrong reminder', { reminders: ['soon'] }, 'reminders/0'],
  ['an unknown zone', { calendar: { ...calendar, timeZone: 'Mars' } }, 'calendar/timeZone'],
  ['no working day', { calendar: { ...calendar, workingHours: {} } }, 'calendar/workingHours'],
  [
    'an unknown weekday',
    { calendar: { ...calendar, workingHours: { ...week, monday: ['09:00', '17:00'] } } },
    'calendar/workingHours',
  ],
  [
    'hours that end before they begin',
    { calendar: { ...calendar, workingHours: { mon: ['17:00', '09:00'] } } },
    'calendar/workingHours/mon',
  ],
  [
    'a time that is none',
    { calendar: { ...calendar, workingHours: { mon: ['09:00', '24:30'] } } },
    'calendar/workingHours/mon/1',
  ],
  [
    'a date that is none',
    { calendar: { ...calendar, holidays: ['2025-02-29'] } },
    'calendar/holidays/0',
  ],
  [
    'durations beyond its working time',
    {
      calendar: { ...calendar, workingHours: { mon: ['09:00', '09:01'] } },
      expiresAfter: 'PT43000H',
    },
    'calendar/workingHours',
  ],
])('policySchema refuses %s', (_, change, path) => {
  expect(faultsOf({ stages: [stage], expiresAfter: 'P14D', ...change })).toEqual([path])
})

test('listPolicyGroups() and listPolicyScopes() name each once', () => {
  const policy = policySchema.parse({
    stages: [
      { ...stage, escalation: { after: 'P1D', group: 'chiefs' } },
      { ...stage, name: 'again' },
      { name: 'plan', approvers: { scope: 'roster:approve' }, quorum: 1 },
    ],
    expiresAfter: 'P14D',
    fallbackGroup: 'chiefs',
  })
  expect(listPolicyGroups(policy)).toEqual(['reviewers', 'chiefs'])
  expect(listPolicyScopes(policy)).toEqual(['roster:approve'])
})

test('a registration waits two weeks for one login approver', () => {
  expect(findApprovalType('login-registration')?.defaultPolicy).toEqual({
    stages: [
      {
        name: 'registration',
        approvers: { group: 'login_approvers' },
        quorum: 1,
        denyThreshold: 1,
      },
    ],
    reminders: ['P3D'],
    expiresAfter: 'P14D',
  })
  expect(findApprovalType('asset-report')).toEqual({})
  expect(findApprovalType('constructor')).toBeUndefined()
})
