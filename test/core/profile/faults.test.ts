import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { fc } from '../../support/properties.ts'
import { attributeRules, leafPaths } from '../../../core/profile/attributes.ts'
import { isDateTime } from '../../../core/profile/date-time.ts'
import { classifications, displays } from '../../../core/profile/document.ts'
import { listProfileFaults } from '../../../core/profile/faults.ts'
import { createNullProfile } from '../../../core/profile/null-profile.ts'
import { profileSchema } from '../../../core/profile/schema.ts'
import { createTestAttribute, createTestProfile } from '../../support/profiles.ts'

type Mutable = { [name: string]: unknown }

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true })
formats.default(ajv, ['date-time'])
const validate = ajv.compile(profileSchema)

test('listProfileFaults() finds none in the null profile nor in a person', () => {
  expect(listProfileFaults(createNullProfile())).toEqual([])
  expect(listProfileFaults(createTestProfile())).toEqual([])
  expect(validate(createTestProfile())).toBe(true)
})

test('listProfileFaults() refuses what the served schema refuses and takes what it takes', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(mutation, { maxLength: 3 }), (seed, mutations) => {
      const profile = JSON.parse(JSON.stringify(createTestProfile({ seed }))) as Mutable
      for (const mutate of mutations) mutate(profile)
      expect(listProfileFaults(profile).length === 0).toBe(validate(profile))
    }),
    { numRuns: 600 },
  )
})

test('listProfileFaults() points at the places at which the schema points', () => {
  fc.assert(
    fc.property(mutation, (mutate) => {
      const profile = JSON.parse(JSON.stringify(createTestProfile())) as Mutable
      mutate(profile)
      validate(profile)
      const expected = new Set((validate.errors ?? []).map(toPointer).filter(isInnermost))
      expect(new Set(listProfileFaults(profile).map(({ pointer }) => pointer))).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})

test.each([
  ['description', 12, '/description/value'],
  ['active', 'true', '/active/value'],
  ['usernames', ['a'], '/usernames/values'],
  ['languages', { a: 1 }, '/languages/values/a'],
  ['access_information.ldap', 'all', '/access_information/ldap/values'],
])('listProfileFaults() refuses %s with the content %j', (path, content, pointer) => {
  const profile = createTestProfile({ contents: { [path]: content as string } })
  const fault = { pointer, code: 'invalid_type', detail: expect.stringMatching(/^Must be /) }
  expect(listProfileFaults(profile)).toEqual([fault])
})

test('listProfileFaults() takes a list of tags', () => {
  const profile = createTestProfile({ contents: { tags: ['climbing', 'chess'] } })
  expect(listProfileFaults(profile)).toEqual([])
})

test.each(leafPaths)(
  'listProfileFaults() holds %s to its displays and its classification',
  (path) => {
    const rule = attributeRules[path]
    for (const display of [...displays, null]) {
      const profile = createTestProfile({
        contents: { [path]: null },
        metadata: { [path]: { display } },
      })
      expect(listProfileFaults(profile).length).toBe(rule?.displays.includes(display) ? 0 : 1)
    }
    for (const classification of classifications) {
      const metadata = { [path]: { classification } }
      const profile = createTestProfile({ contents: { [path]: null }, metadata })
      expect(listProfileFaults(profile).length).toBe(
        rule?.classification === classification ? 0 : 1,
      )
    }
  },
)

test('listProfileFaults() takes a part of a profile when told so, but no part of an attribute', () => {
  const title = createTestAttribute('staff_information.title', 'Engineer')
  expect(listProfileFaults({ staff_information: { title } }, { partial: true })).toEqual([])
  const { signature: _, ...unsigned } = title
  const faults = listProfileFaults({ staff_information: { title: unsigned } }, { partial: true })
  expect(faults).toEqual([
    { pointer: '/staff_information/title/signature', code: 'required', detail: 'Missing' },
  ])
  expect(listProfileFaults({ titel: title }, { partial: true })).toEqual([
    { pointer: '/titel', code: 'unknown_field', detail: 'Unknown field' },
  ])
})

test('listProfileFaults() never repeats what a document holds', () => {
  fc.assert(
    fc.property(fc.constantFrom(...leafPaths), fc.string({ minLength: 20 }), (path, secret) => {
      const contents = { [path]: { [secret]: [secret] } as never }
      const metadata = { [path]: { created: secret, display: secret as never } }
      const said = listProfileFaults(createTestProfile({ contents, metadata })).map(
        ({ detail }) => detail,
      )
      expect(said.join()).not.toContain(secret)
    }),
    { numRuns: 200 },
  )
})

test.each([
  ['1970-01-01T00:00:00Z', true],
  ['2024-02-29t23:59:59.123456+14:00', true],
  ['2023-02-29T00:00:00Z', false],
  ['2023-01-01T24:00:00Z', false],
  ['2023-01-01T00:00:00', false],
  ['2023-01-01 00:00:00Z', false],
  ['2023-01-01', false],
])('isDateTime() judges %s', (text, isOne) => {
  expect(isDateTime(text)).toBe(isOne)
})

const anything = fc.constantFrom<unknown>(
  null,
  true,
  0,
  1.5,
  '',
  'x',
  'public',
  'PUBLIC',
  'ldap',
  'RS256',
  '2020-13-01T00:00:00Z',
  '2020-12-01T00:00:00+01:00',
  [],
  ['x'],
  [1],
  {},
  { x: 'y' },
  { x: null },
  { x: 1 },
)

const steps = fc.array(fc.nat(30), { minLength: 1, maxLength: 5 })

// Walks down as many members as there are steps and then changes, drops or adds one.
const mutation = fc
  .record({ steps, value: anything, kind: fc.constantFrom('set', 'drop', 'add') })
  .map(({ steps: path, value, kind }) => (profile: Mutable): void => {
    let holder = profile
    let name = ''
    for (const [depth, step] of path.entries()) {
      const names = Object.keys(holder)
      name = names[step % Math.max(names.length, 1)] ?? 'none'
      const next = holder[name]
      if (depth === path.length - 1 || typeof next !== 'object' || next === null) break
      if (Object.keys(next).length === 0) break
      holder = next as Mutable
    }
    if (Array.isArray(holder)) return
    if (kind === 'drop') delete holder[name]
    else holder[kind === 'set' ? name : `${name}~/2`] = value
  })

type SchemaError = NonNullable<typeof validate.errors>[number]

function toPointer({ instancePath, keyword, params }: SchemaError): string {
  const named = {
    required: params['missingProperty'],
    additionalProperties: params['additionalProperty'],
  }
  const name = (named as Record<string, string | undefined>)[keyword]
  if (name === undefined) return instancePath
  return `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function isInnermost(pointer: string, _: number, all: readonly string[]): boolean {
  return !all.some((other) => other.startsWith(`${pointer}/`))
}
