import { fc } from '../support/properties.ts'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'

const document = generateKeyRingDocument()
const cipher = createFieldCipher(createKeyRing(document))

test('createFieldCipher() gives back what it encrypted, in the same context', () => {
  const values = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array())
  fc.assert(
    fc.property(values, fc.string(), (plain, context) => {
      const encrypted = cipher.encrypt(plain, context)
      expect(cipher.decrypt(encrypted, context)).toEqual(Buffer.from(plain))
      expect(encrypted).not.toEqual(cipher.encrypt(plain, context))
    }),
  )
})

test('createFieldCipher() refuses another context', () => {
  const encrypted = cipher.encrypt('123-45-6789', 'ssn:aslp')
  expect(() => cipher.decrypt(encrypted, 'ssn:octp')).toThrow('belongs to another context')
})

test('createFieldCipher() refuses a cipher of which any byte was altered', () => {
  const encrypted = cipher.encrypt('123-45-6789', 'ssn:aslp')
  const positions = fc.nat(encrypted.length - 1)
  fc.assert(
    fc.property(positions, fc.integer({ min: 1, max: 255 }), (position, flip) => {
      const altered = Buffer.from(encrypted)
      altered.writeUInt8(altered.readUInt8(position) ^ flip, position)
      expect(() => cipher.decrypt(altered, 'ssn:aslp')).toThrow(/^Cannot (?:decrypt|use key)/)
    }),
  )
})

test('createFieldCipher() refuses a cipher that was cut off anywhere', () => {
  const encrypted = cipher.encrypt('123-45-6789', 'ssn:aslp')
  fc.assert(
    fc.property(fc.nat(encrypted.length - 1), (length) => {
      expect(() => cipher.decrypt(encrypted.subarray(0, length), 'ssn:aslp')).toThrow(/^Cannot/)
    }),
  )
})

test('createFieldCipher() decrypts with an older key of the ring and encrypts with the current', () => {
  const other = generateKeyRingDocument()
  const both = { current: other.current, keys: { ...document.keys, ...other.keys } }
  const rotated = createFieldCipher(createKeyRing(both))
  const old = cipher.encrypt('plain', 'c')
  expect(rotated.decrypt(old, 'c').toString()).toBe('plain')
  expect(rotated.keyIdOf(old)).toBe(document.current)
  expect(rotated.keyIdOf(rotated.encrypt('plain', 'c'))).toBe(other.current)
  expect(() => createFieldCipher(createKeyRing(other)).decrypt(old, 'c')).toThrow(
    `Cannot use key "${document.current}": it is not in the key ring`,
  )
})
