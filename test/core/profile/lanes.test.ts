import { listLanes, listPersonSinks } from '../../../core/profile/lanes.ts'

const replica = { name: 'replica', kind: 'sql' }
const partner = { name: 'partner', kind: 'webhook', events: ['profile.*'] }
const other = { name: 'other', kind: 'webhook', events: ['delete', 'license.*'] }
const board = { name: 'board', kind: 'webhook', events: ['license.*', 'approval.denied'] }

test('every sink has its own lane, all webhooks share one', () => {
  expect(listLanes([replica, partner, other])).toEqual([
    { sink: 'replica', queue: 'sink:replica' },
    { sink: ':webhooks', queue: 'sink-webhook' },
  ])
})

test('webhooks that want nothing of persons need no lane, and no change goes to them', () => {
  expect(listLanes([replica, board])).toEqual([{ sink: 'replica', queue: 'sink:replica' }])
  expect(listPersonSinks([replica, partner, other, board])).toEqual([replica, partner, other])
})

test.each([undefined, 'profile.*', [7], {}])(
  'a webhook whose events are %j is none for persons: the worker refuses it',
  (events) => {
    expect(listPersonSinks([{ name: 'wrong', kind: 'webhook', events }])).toEqual([])
  },
)
