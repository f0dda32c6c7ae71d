import { fc } from '../support/properties.ts'
import { createCursorSigner } from '../../crypto/cursor.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'

const old = generateKeyRingDocument()
const fresh = generateKeyRingDocument()
const signer = createCursorSigner(createKeyRing(old))

test('a cursor carries its position and is fit for a URL', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (scope, position) => {
      const cursor = signer.sign(scope, position)
      expect(cursor).toMatch(/^[A-Za-z0-9._~-]+$/)
      expect(signer.open(scope, cursor)).toEqual(JSON.parse(JSON.stringify(position)))
    }),
  )
})

test('a cursor opens on its own list only', () => {
  const cursor = signer.sign('a', 1)
  expect(() => signer.open('b', cursor)).toThrow('Cannot use this cursor')
  expect(signer.open('a', cursor)).toBe(1)
})

test('a cursor that was changed anywhere is refused', () => {
  const cursor = signer.sign('list', { after: 41 })
  fc.assert(
    fc.property(
      fc.nat(cursor.length - 1),
      fc.constantFrom('A', 'z', '0', '_', '-', '~', '.'),
      (index, character) => {
        fc.pre(cursor[index] !== character)
        const changed = `${cursor.slice(0, index)}${character}${cursor.slice(index + 1)}`
        expect(() => signer.open('list', changed)).toThrow('Cannot use this cursor')
      },
    ),
  )
})

test.each(['', '~', '~~', 'a~b~c', 'x'.repeat(5000)])('the cursor "%s" is refused', (cursor) => {
  expect(() => signer.open('list', cursor)).toThrow('Cannot use this cursor')
})

test('a cursor of an older key opens until the key is dropped', () => {
  const cursor = signer.sign('list', 7)
  const keys = { ...old.keys, ...fresh.keys }
  const rotated = createCursorSigner(createKeyRing({ current: fresh.current, keys }))
  expect(rotated.open('list', cursor)).toBe(7)
  const dropped = createCursorSigner(createKeyRing(fresh))
  expect(() => dropped.open('list', cursor)).toThrow('Cannot use this cursor')
})
