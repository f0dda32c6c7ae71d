import { fc } from '../../support/properties.ts'
import { leafPaths, type LeafPath } from '../../../core/profile/attributes.ts'
import { isSameJson, judgeChange, type ChangeRequest } from '../../../core/profile/change.ts'
import {
  contentOf,
  findAttribute,
  publisherNames,
  withAttributes,
  type Attribute,
  type Profile,
  type PublisherName,
} from '../../../core/profile/document.ts'
import { createNullProfile } from '../../../core/profile/null-profile.ts'
import { isAppError } from '../../../core/errors.ts'
import { createTestAttribute } from '../../support/profiles.ts'
import { createContent } from '../../support/publishers.ts'

// The publishers' table, written anew from the words of the rules: who creates, who updates.
const PULLED = 'ldap hris access_provider'
const ORACLE: Readonly<Record<string, readonly [string, string]>> = {
  uuid: ['cis', ''],
  primary_username: ['cis', 'mozilliansorg'],
  user_id: [PULLED, 'access_provider'],
  login_method: [PULLED, 'access_provider'],
  primary_email: [PULLED, 'access_provider'],
  active: [`${PULLED} cis`, 'cis'],
  last_modified: ['ldap hris cis access_provider', 'cis'],
  created: ['ldap hris cis access_provider', 'cis'],
  usernames: ['ldap access_provider mozilliansorg', 'mozilliansorg'],
  first_name: [`${PULLED} mozilliansorg`, 'mozilliansorg'],
  last_name: [`${PULLED} mozilliansorg`, 'mozilliansorg'],
  timezone: ['hris ldap mozilliansorg', 'mozilliansorg'],
  ssh_public_keys: ['ldap', 'ldap'],
  pgp_public_keys: ['ldap', 'ldap'],
  'identities.mozilla_ldap_id': [PULLED, 'mozilliansorg'],
  'identities.mozilla_ldap_primary_email': [PULLED, 'mozilliansorg'],
  'identities.mozilla_posix_id': [PULLED, 'mozilliansorg'],
  'access_information.ldap': ['ldap', 'ldap'],
  'access_information.hris': ['hris', 'hris'],
  'access_information.mozilliansorg': ['mozilliansorg', 'mozilliansorg'],
  'access_information.access_provider': ['access_provider', 'access_provider'],
}
const BY_GROUP = {
  identities: [`${PULLED} mozilliansorg`, 'mozilliansorg'],
  staff_information: ['ldap hris', 'hris'],
} as const

function oracleOf(path: LeafPath): { create: string[]; update: string[] } {
  const [group = ''] = path.split('.')
  const inGroup = path.includes('.') ? BY_GROUP[group as keyof typeof BY_GROUP] : undefined
  const [create, update] = ORACLE[path] ?? inGroup ?? ['ldap mozilliansorg', 'mozilliansorg']
  return { create: create.split(' '), update: update.split(' ') }
}

function signedBy(publisher: PublisherName, path: LeafPath, number: number): Attribute {
  const attribute = createTestAttribute(path, createContent(path, number))
  const { publisher: signer, additional } = attribute.signature
  return { ...attribute, signature: { publisher: { ...signer, name: publisher }, additional } }
}

function unverified(attribute: Attribute): Attribute {
  return { ...attribute, metadata: { ...attribute.metadata, verified: false } }
}

function withOne(path: LeafPath, attribute: Attribute): Profile {
  return withAttributes(createNullProfile(), new Map([[path, attribute]]))
}

function judge(request: ChangeRequest): string {
  try {
    return judgeChange(request).length === 0 ? 'noop' : 'changed'
  } catch (error) {
    if (isAppError(error)) return error.code
    throw error
  }
}

const matrix = leafPaths.flatMap((path) =>
  publisherNames.map((publisher) => [path, publisher] as const),
)

test('the matrix has 53 leaves for each of 5 publishers', () => {
  expect(matrix).toHaveLength(53 * 5)
})

describe.each(matrix)('%s by %s', (path, publisher) => {
  const { create, update } = oracleOf(path)
  const stored = withOne(path, signedBy('cis', path, 1))
  const body = (attribute: Attribute): Profile =>
    withAttributes({} as Profile, new Map([[path, attribute]]))

  test('is created as the table says', () => {
    const request = {
      stored: createNullProfile(),
      body: body(signedBy(publisher, path, 1)),
      publisher,
    }
    expect(judge(request)).toBe(create.includes(publisher) ? 'changed' : 'invalid_publisher')
  })

  test('is updated as the table says', () => {
    const request = { stored, body: body(signedBy(publisher, path, 2)), publisher }
    const isSource = path === 'active' && publisher !== 'mozilliansorg'
    const isAllowed = update.includes(publisher) || isSource
    expect(judge(request)).toBe(isAllowed ? 'changed' : 'invalid_publisher')
  })

  test('changes its audience or verification as the table says, or by the person', () => {
    const request = { stored, body: body(unverified(signedBy(publisher, path, 1))), publisher }
    const isSource = path === 'active' && publisher !== 'mozilliansorg'
    const isPerson = publisher === 'mozilliansorg' && path !== 'active'
    const isAllowed = update.includes(publisher) || isPerson || isSource
    expect(judge(request)).toBe(isAllowed ? 'changed' : 'invalid_publisher')
  })

  test('is a noop when it is null, and when it is what is stored', () => {
    const empty = findAttribute(createNullProfile(), path)
    if (!empty) throw new Error('Cannot go on: the leaf is missing')
    expect(judge({ stored, body: body(empty), publisher })).toBe('noop')
    expect(judge({ stored, body: body(signedBy(publisher, path, 1)), publisher })).toBe('noop')
  })
})

test('what was applied is a noop the second time', () => {
  const personal = leafPaths.filter((path) => oracleOf(path).update.includes('mozilliansorg'))
  fc.assert(
    fc.property(fc.subarray(personal), fc.nat(50), (paths, number) => {
      const attributes = new Map(
        paths.map((path) => [path, signedBy('mozilliansorg', path, number)]),
      )
      const start = withAttributes(
        createNullProfile(),
        new Map(personal.map((path) => [path, signedBy('cis', path, 99)])),
      )
      const body = withAttributes({} as Profile, attributes)
      const request = { body, publisher: 'mozilliansorg' } as const
      const changes = judgeChange({ stored: start, ...request })
      const after = withAttributes(start, new Map(changes.map(({ path, after }) => [path, after])))
      expect(judge({ stored: after, ...request })).toBe('noop')
    }),
  )
})

test('changes of different attributes come to the same in any order', () => {
  const personal = leafPaths.filter((path) => oracleOf(path).update.includes('mozilliansorg'))
  const start = withAttributes(
    createNullProfile(),
    new Map(personal.map((path) => [path, signedBy('cis', path, 99)])),
  )
  const apply = (profile: Profile, path: LeafPath): Profile => {
    const body = withAttributes(
      {} as Profile,
      new Map([[path, signedBy('mozilliansorg', path, 1)]]),
    )
    const changes = judgeChange({ stored: profile, body, publisher: 'mozilliansorg' })
    return withAttributes(
      profile,
      new Map(changes.map(({ path: changed, after }) => [changed, after])),
    )
  }
  fc.assert(
    fc.property(fc.shuffledSubarray(personal), (paths) => {
      const forwards = paths.reduce(apply, start)
      const backwards = [...paths].toReversed().reduce(apply, start)
      expect(isSameJson(forwards, backwards)).toBe(true)
    }),
  )
})

test('an older attribute is stale, an equally old one is not', () => {
  const stored = withOne('first_name', signedBy('mozilliansorg', 'first_name', 1))
  const at = (last_modified: string): Profile => {
    const attribute = signedBy('mozilliansorg', 'first_name', 2)
    const metadata = { ...attribute.metadata, last_modified }
    return withAttributes({} as Profile, new Map([['first_name', { ...attribute, metadata }]]))
  }
  const request = { stored, publisher: 'mozilliansorg' } as const
  expect(judge({ ...request, body: at('2019-12-31T23:59:59.000Z') })).toBe('stale_attribute')
  expect(judge({ ...request, body: at('2020-01-01T00:00:00Z') })).toBe('changed')
  // The same instant in another zone.
  expect(judge({ ...request, body: at('2020-01-01T02:00:00+02:00') })).toBe('changed')
})

test.each([
  ['2020-01-01T00:00:00.123456Z', '2020-01-01T00:00:00.123455Z', 'stale_attribute'],
  ['2020-01-01T00:00:00.123456Z', '2020-01-01T01:00:00.1234551+01:00', 'stale_attribute'],
  ['2020-01-01T00:00:00.123456Z', '2020-01-01T00:00:00.123Z', 'stale_attribute'],
  ['2020-01-01T00:00:00.123Z', '2020-01-01T00:00:00.123000Z', 'changed'],
  ['2020-01-01T00:00:00.1234Z', '2020-01-01T00:00:00.123456Z', 'changed'],
  ['2020-01-01T00:00:00.9Z', '2020-01-01T00:00:01Z', 'changed'],
])('after a value of %s one of %s is %s', (before, after, outcome) => {
  const at = (last_modified: string, number: number): Attribute => {
    const attribute = signedBy('mozilliansorg', 'first_name', number)
    return { ...attribute, metadata: { ...attribute.metadata, last_modified } }
  }
  const stored = withOne('first_name', at(before, 1))
  const body = withAttributes({} as Profile, new Map([['first_name', at(after, 2)]]))
  expect(judge({ stored, body, publisher: 'mozilliansorg' })).toBe(outcome)
})

test('of stamps that the server has set since nobody but cis is told that they are stale', () => {
  const stored = withOne('last_modified', signedBy('cis', 'last_modified', 1))
  const attribute = signedBy('ldap', 'last_modified', 2)
  const metadata = { ...attribute.metadata, last_modified: '2019-01-01T00:00:00.000Z' }
  const body = withAttributes(
    {} as Profile,
    new Map([['last_modified', { ...attribute, metadata }]]),
  )
  expect(judge({ stored, body, publisher: 'ldap' })).toBe('noop')
  expect(judge({ stored, body, publisher: 'cis' })).toBe('stale_attribute')
})

test('isSameJson() compares by content, whatever the order of members', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(isSameJson(value, reverseMembers(value))).toBe(true)
    }),
  )
  expect(isSameJson({ a: 1 }, { a: 1, b: undefined })).toBe(false)
  expect(isSameJson([1, 2], [2, 1])).toBe(false)
  expect(isSameJson([], {})).toBe(false)
  expect(contentOf({ value: false })).toBe(false)
})

function reverseMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseMembers)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(
    ([name, member]) => [name, reverseMembers(member)] as const,
  )
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [name, member] of entries.toReversed()) copy[name] = member
  return copy
}
