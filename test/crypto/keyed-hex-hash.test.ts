import { fc } from '../support/properties.ts'
import { createKeyedHash } from '../../crypto/keyed-hash.ts'
import { createKeyedHexHash } from '../../crypto/keyed-hex-hash.ts'

test('createKeyedHexHash() answers the HMAC of createKeyedHash() for any key, context and value', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 2_000 })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), texts, texts, (...input) => {
      const [key, context, value] = input
      const expected = createKeyedHash(key)(context, value).toString('hex')
      expect(createKeyedHexHash(key)(context, value)).toBe(expected)
    }),
  )
})

test('createKeyedHexHash() keeps nothing of a longer value before', () => {
  const hash = createKeyedHexHash(Buffer.alloc(32, 1))
  const before = hash('a', 'short')
  hash('a', 'x'.repeat(5_000))
  expect(hash('a', 'short')).toBe(before)
})
