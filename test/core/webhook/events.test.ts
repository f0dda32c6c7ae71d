import {
  eventTypes,
  isEventPattern,
  toEventPattern,
  wantsEvent,
} from '../../../core/webhook/events.ts'

test.each([
  ['create', 'profile.create', true],
  ['update', 'profile.update', true],
  ['delete', 'profile.delete', true],
  ['delete', 'profile.create', false],
  ['profile.*', 'profile.delete', true],
  ['profile.*', 'license.digest', false],
  ['license.*', 'license.deactivation', true],
  ['license.ingested', 'license.ingested', true],
  ['license.ingested', 'license.ingest-failure', false],
  ['approval.*', 'approval.denied', true],
  ['approval.digest', 'approval.digest', true],
  ['license.*', 'license.rollback', true],
])('the pattern %s and the event %s: %s', (pattern, type, expected) => {
  expect(wantsEvent([toEventPattern(pattern)], type)).toBe(expected)
})

test('an endpoint wants what any of its patterns fits, and nothing without one', () => {
  expect(wantsEvent(['profile.create', 'license.*'], 'license.digest')).toBe(true)
  expect(eventTypes.some((type) => wantsEvent([], type))).toBe(false)
})

test.each([
  'profile',
  'licence.*',
  'license',
  'license.',
  '*',
  '.*',
  'create',
  '',
  'license.x',
  'approval.voted',
])('isEventPattern() refuses %s in its long form', (pattern) => {
  expect(isEventPattern(pattern)).toBe(false)
})

test('isEventPattern() takes every type', () => {
  expect(eventTypes.filter((type) => !isEventPattern(type))).toEqual([])
})
