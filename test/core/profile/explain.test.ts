import type { LeafPath } from '../../../core/profile/attributes.ts'
import {
  findAttribute,
  withAttributes,
  type Profile,
  type PublisherName,
} from '../../../core/profile/document.ts'
import { explainAttributes, type AttributeTouch } from '../../../core/profile/explain.ts'
import { explainSink, type SinkRecord } from '../../../core/profile/explain-sink.ts'
import { filterProfile } from '../../../core/profile/filter.ts'
import { createTestProfile } from '../../support/profiles.ts'

const profile = signAs('mozilliansorg', createTestProfile(), 'primary_username')
const at = new Date('2026-03-02T14:00:00Z')
const touch = (change: Partial<AttributeTouch>): AttributeTouch => ({
  path: 'first_name',
  serial: 7,
  publisher: 'ldap',
  times: 1,
  at,
  ...change,
})

test.each([
  ['the first change of it', touch({}), 'create'],
  ['a later one of who may change it', touch({ publisher: 'mozilliansorg', times: 2 }), 'update'],
  [
    'a later one of the person, who may choose the audience',
    touch({ path: 'staff_information.title', publisher: 'mozilliansorg', times: 2 }),
    'audience',
  ],
  ['a source that says who left', touch({ path: 'active', publisher: 'hris', times: 2 }), 'state'],
  [
    'the first change of what only the person may change',
    touch({ path: 'primary_username', publisher: 'mozilliansorg' }),
    'update',
  ],
  ['what the service signs', touch({ path: 'uuid', publisher: 'ldap' }), 'server'],
])('explainAttributes() names the rule of %s', (_, given, rule) => {
  const [explained] = explainAttributes(profile, [given]).filter(({ name }) => name === given.path)
  expect(explained).toMatchObject({ rule, publisher: given.publisher, serial: 7 })
  expect(explained?.since).toBe('2026-03-02T14:00:00.000Z')
})

test('explainAttributes() names who may change it from here on', () => {
  const explained = explainAttributes(createTestProfile(), [])
  const changers = Object.fromEntries(explained.map(({ name, mayChange }) => [name, mayChange]))
  expect(changers).toMatchObject({
    uuid: [],
    first_name: ['mozilliansorg'],
    active: ['ldap', 'hris', 'access_provider', 'cis'],
  })
})

test('explainAttributes() leaves out what is null and what is not visible', () => {
  const visible = filterProfile(createTestProfile(), { scopes: new Set() })
  expect(explainAttributes(visible, [touch({})]).map(({ name }) => name)).toEqual([
    'uuid',
    'primary_username',
  ])
})

test('explainAttributes() goes by the attribute itself where no change is known', () => {
  const [uuid] = explainAttributes(createTestProfile(), [])
  expect(uuid).toMatchObject({
    name: 'uuid',
    publisher: 'cis',
    rule: 'server',
    mayChange: [],
    serial: null,
    since: '2020-01-01T00:00:00.000Z',
  })
})

const record: SinkRecord = {
  sink: 'directory',
  held: { serial: 3, version: 1 },
  newestSerial: 5,
  wanted: true,
  delivery: undefined,
}

test.each<[Partial<SinkRecord>, string, string]>([
  [{}, 'pending', 'change 5 is on its way'],
  [{ held: undefined }, 'pending', 'change 5 is on its way'],
  [{ held: { serial: 5, version: 2 } }, 'current', 'the sink has change 5, the newest'],
  [{ wanted: false }, 'outside', 'the sink was not configured when change 5 came'],
  [
    { delivery: { state: 'pending', attempts: 1, errorCode: 'sink_busy' } },
    'pending',
    'change 5 is tried again after 1 attempt (sink_busy)',
  ],
  [
    { delivery: { state: 'failed', attempts: 9, errorCode: 'unknown_user' } },
    'failed',
    'change 5 was given up after 9 attempts (unknown_user): re-drive its dead letter',
  ],
  [
    { delivery: { state: 'superseded', attempts: 1, errorCode: null } },
    'superseded',
    'the sink has something newer than change 5',
  ],
  [
    { delivery: { state: 'succeeded', attempts: 1, errorCode: null } },
    'current',
    'change 5 was delivered',
  ],
])('explainSink() of %j says "%s"', (change, state, why) => {
  expect(explainSink({ ...record, ...change })).toEqual({ state, why })
})

function signAs(name: PublisherName, signed: Profile, path: LeafPath): Profile {
  const attribute = findAttribute(signed, path)
  if (!attribute) throw new Error(`Cannot find ${path}`)
  const publisher = { ...attribute.signature.publisher, name }
  const signature = { ...attribute.signature, publisher }
  return withAttributes(signed, new Map([[path, { ...attribute, signature }]]))
}
