import { fc } from '../support/properties.ts'
import { parseStrictJson } from '../../api/strict-json.ts'
import { isAppError } from '../../core/errors.ts'

const REFUSED = new Set(['__proto__', 'constructor', 'prototype'])

function hasRefusedKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, child]) => REFUSED.has(key) || hasRefusedKey(child))
}

const anyJson = fc
  .jsonValue({ stringUnit: 'binary', maxDepth: 6 })
  .filter((value) => !hasRefusedKey(value))

test('parseStrictJson() reads what JSON.parse reads, however it is spaced', () => {
  fc.assert(
    fc.property(anyJson, fc.constantFrom(undefined, 1, '\t', ' \n'), (value, space) => {
      const text = JSON.stringify(value, undefined, space)
      expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text))
    }),
  )
})

test('parseStrictJson() finds a key given twice at any depth', () => {
  fc.assert(
    fc.property(fc.string(), fc.tuple(anyJson, anyJson), fc.nat(5), (key, [one, two], depth) => {
      const name = JSON.stringify(key)
      const twice = `{${name}:${JSON.stringify(one)}, ${name} : ${JSON.stringify(two)}}`
      const text = `${'[{"a":'.repeat(depth)}${twice}${'}]'.repeat(depth)}`
      expect(() => parseStrictJson(Buffer.from(text))).toThrow('Cannot read the body as JSON')
    }),
  )
})

test('parseStrictJson() takes equal keys of different objects and strings that look like keys', () => {
  const text = '{"a":{"b":1},"b":[{"b":1},{"b":"\\"b\\":1"}],"c":"{\\"a\\":1,\\"a\\":2}"}'
  expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text))
})

test('parseStrictJson() never throws anything but malformed_json', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(['read', 'malformed_json']).toContain(outcomeOf(bytes))
    }),
  )
})

function outcomeOf(bytes: Uint8Array): unknown {
  try {
    parseStrictJson(bytes)
    return 'read'
  } catch (error) {
    return isAppError(error) ? error.code : error
  }
}
