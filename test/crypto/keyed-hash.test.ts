import { fc } from '../support/properties.ts'
import { createKeyedHash } from '../../crypto/keyed-hash.ts'

const hash = createKeyedHash(Buffer.alloc(32, 1))

test('createKeyedHash() hashes equal pairs equally and unequal pairs differently', () => {
  const pairs = fc.tuple(fc.string(), fc.string())
  fc.assert(
    fc.property(pairs, pairs, (one, other) => {
      const isSame = one[0] === other[0] && one[1] === other[1]
      expect(hash(...one)).toHaveLength(32)
      expect(hash(...one).equals(hash(...other))).toBe(isSame)
    }),
  )
})

test('createKeyedHash() keeps the border between context and value', () => {
  expect(hash('ab', 'c')).not.toEqual(hash('a', 'bc'))
  expect(hash('a:', 'c')).not.toEqual(hash('a', ':c'))
})

test('createKeyedHash() depends on the key', () => {
  expect(createKeyedHash(Buffer.alloc(32, 2))('a', 'b')).not.toEqual(hash('a', 'b'))
})
