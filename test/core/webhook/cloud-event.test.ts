import { formatCloudEvent, mayHear, type RecordedEvent } from '../../../core/webhook/cloud-event.ts'

const ingested: RecordedEvent = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  type: 'license.ingested',
  subject: 'uploads/01990a5e-2f7c-7000-8000-000000000001',
  data: { compact: 'aslp', jurisdiction: 'oh', counts: { records: 3 } },
  requestId: 'r-1',
  occurredAt: new Date('2026-01-02T03:04:05.678Z'),
  tenant: null,
}
const deactivated = { ...ingested, type: 'license.deactivation', subject: 'providers/1' }

test('formatCloudEvent() writes CloudEvents 1.0 in structured mode', () => {
  expect(JSON.parse(formatCloudEvent(ingested))).toEqual({
    specversion: '1.0',
    id: ingested.id,
    source: '/v1/compacts/aslp/jurisdictions/oh',
    type: 'license.ingested',
    subject: ingested.subject,
    time: '2026-01-02T03:04:05.678Z',
    datacontenttype: 'application/json',
    requestid: 'r-1',
    data: ingested.data,
  })
})

test.each([
  ['license.ingested', ['aslp/oh.write'], true],
  ['license.ingested', ['aslp/ky.write'], false],
  ['license.ingested', ['octp/oh.write'], false],
  ['license.ingested', ['aslp/write'], false],
  ['license.ingested', ['aslp/readGeneral'], false],
  ['license.ingested', ['webhook:write'], false],
  ['license.deactivation', ['aslp/readGeneral'], true],
  ['license.deactivation', ['octp/readGeneral'], false],
  ['license.deactivation', ['aslp/oh.write'], true],
  ['approval.approved', ['approval:read'], true],
  ['approval.approved', ['approval:vote', 'aslp/oh.write'], false],
])('mayHear(): of %s with %s: %s', (type, scopes, expected) => {
  const listener = { scopes: new Set(scopes), tenant: undefined }
  expect(mayHear(listener, { ...ingested, type })).toBe(expected)
})

test('mayHear() keeps the uploads of one tenant from another', () => {
  const scopes = new Set(['aslp/oh.write'])
  const own = { ...ingested, tenant: 'one' }
  expect(mayHear({ scopes, tenant: 'one' }, own)).toBe(true)
  expect(mayHear({ scopes, tenant: 'two' }, own)).toBe(false)
  expect(mayHear({ scopes, tenant: undefined }, own)).toBe(true)
})

test('mayHear() tells of seats those who may read rosters of the tenant', () => {
  const event = { ...ingested, type: 'roster.seats-changed', tenant: 'one' }
  const scopes = new Set(['roster:read'])
  expect(mayHear({ scopes, tenant: 'one' }, event)).toBe(true)
  expect(mayHear({ scopes, tenant: 'two' }, event)).toBe(false)
  expect(mayHear({ scopes, tenant: undefined }, event)).toBe(false)
  expect(mayHear({ scopes: new Set(['roster:sync']), tenant: 'one' }, event)).toBe(false)
})

test('mayHear() refuses what names no place', () => {
  const listener = { scopes: new Set(['aslp/readGeneral']), tenant: undefined }
  expect(mayHear(listener, { ...deactivated, data: {} })).toBe(false)
})
