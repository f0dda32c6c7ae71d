import { planChange } from '../../../core/source/plan.ts'
import type { PublisherName } from '../../../core/profile/document.ts'
import type { SourceContents } from '../../../core/source/source.ts'
import { createTestProfile, type Content } from '../../support/profiles.ts'

function plan(
  contents: SourceContents,
  { stored, publisher = 'hris' }: { stored?: Record<string, Content>; publisher?: PublisherName },
) {
  const profile = stored && createTestProfile({ contents: stored })
  return planChange({ contents, stored: profile, publisher })
}

test.each<[string, PublisherName, SourceContents, Record<string, Content>, SourceContents]>([
  [
    'what differs and may be changed',
    'hris',
    { 'staff_information.team': 'New', timezone: 'UTC+01:00 Europe/Paris' },
    { 'staff_information.team': 'Old', timezone: 'UTC+00:00 Europe/London' },
    { 'staff_information.team': 'New' },
  ],
  [
    'what is not set and may be set',
    'hris',
    { timezone: 'UTC+01:00 Europe/Paris', fun_title: 'Wizard' },
    { timezone: null, fun_title: null },
    { timezone: 'UTC+01:00 Europe/Paris' },
  ],
  [
    'that somebody has come back',
    'ldap',
    { active: true, last_name: 'Other' },
    { active: false, last_name: 'One' },
    { active: true },
  ],
  [
    'that somebody has left all groups',
    'ldap',
    { 'access_information.ldap': {} },
    { 'access_information.ldap': { all: null } },
    { 'access_information.ldap': {} },
  ],
])('planChange() sends %s', (...row) => {
  const [, publisher, contents, stored, expected] = row
  expect(plan(contents, { stored, publisher })).toEqual({
    condition: 'update',
    contents: expected,
  })
})

test('planChange() sends nothing that is there, is not known, or is empty', () => {
  const contents = {
    'staff_information.team': 'Old',
    'staff_information.title': null,
    'access_information.hris': {},
  }
  const stored = { 'staff_information.team': 'Old', 'access_information.hris': null }
  expect(plan(contents, { stored })).toBeUndefined()
})

test.each<[PublisherName, PublisherName | null, boolean]>([
  ['ldap', 'ldap', true],
  ['ldap', 'hris', false],
  ['ldap', 'cis', false],
  ['ldap', null, true],
  ['access_provider', 'hris', false],
  ['access_provider', 'access_provider', true],
  ['hris', 'ldap', true],
  ['hris', 'cis', true],
])('planChange() lets %s bring back whom %s has said to be gone: %j', (...row) => {
  const [publisher, inactiveBy, isBack] = row
  const stored = createTestProfile({ contents: { active: false } })
  const change = planChange({ contents: { active: true }, stored, publisher, inactiveBy })
  expect(change !== undefined).toBe(isBack)
})

test('planChange() makes a person of what its publisher may set', () => {
  const contents = { user_id: 'ad|Mozilla-LDAP|pat', active: true, uuid: 'mine' }
  expect(plan(contents, { publisher: 'ldap' })).toEqual({
    condition: 'create',
    contents: { user_id: 'ad|Mozilla-LDAP|pat', active: true },
  })
})
