import { listQueues, selectQueues } from '../../workers/queues.ts'

const sinks = [
  { name: 'people', kind: 'sql' },
  { name: 'staff-login', kind: 'auth0' },
  { name: 'public-login', kind: 'auth0' },
  { name: 'partner', kind: 'webhook', events: ['profile.*'] },
  { name: 'school', kind: 'scim' },
]

test('a worker serves a queue per sink, and those of kinds, on which older deliveries still wait', () => {
  expect(listQueues(sinks)).toEqual([
    'registrar',
    'ingest',
    'roster',
    'sink-webhook',
    'sink-auth0',
    'sink-sql',
    'sink:people',
    'sink:staff-login',
    'sink:public-login',
    'sink:school',
  ])
  expect(listQueues([])).toEqual(['registrar', 'ingest', 'roster', 'sink-webhook'])
})

test('the name of a kind stands for all of its sinks', () => {
  expect(selectQueues(['ingest', 'sink-auth0', 'sink:public-login'], sinks)).toEqual([
    'ingest',
    'sink-auth0',
    'sink:staff-login',
    'sink:public-login',
  ])
})

test.each(['sink:gone', 'sink:partner'])('there is no queue "%s" to serve', (name) => {
  expect(() => selectQueues([name], sinks)).toThrow(/SINKS_FILE names no such sink/)
})
