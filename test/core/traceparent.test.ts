import { fc } from '../support/properties.ts'
import { formatTraceparent, parseTraceparent, spanIdOfRun } from '../../core/traceparent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

const digits = (length: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: length / 2, maxLength: length / 2 })
    .filter((bytes) => bytes.some((byte) => byte !== 0))
    .map((bytes) => Buffer.from(bytes).toString('hex'))

test('parseTraceparent() reads what formatTraceparent() writes', () => {
  const context = fc.record({ traceId: digits(32), spanId: digits(16), sampled: fc.boolean() })
  fc.assert(
    fc.property(context, (given) => {
      expect(parseTraceparent(formatTraceparent(given))).toEqual(given)
    }),
  )
})

test.each([
  ['03', true],
  ['02', false],
])('parseTraceparent() reads only the first bit of the flags %s', (flags, sampled) => {
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)).toMatchObject({ sampled })
})

test('parseTraceparent() reads a later version that says more', () => {
  expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`)).toMatchObject({ traceId: TRACE })
})

test.each([
  '',
  'canary',
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01 `,
  `01-${TRACE}-${SPAN}-011`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
])('parseTraceparent() ignores "%s"', (text) => {
  expect(parseTraceparent(text)).toBeUndefined()
})

test('spanIdOfRun() takes the last digits of the run id', () => {
  expect(spanIdOfRun('01901c5e-7b1a-7000-8a2b-0123456789ab')).toBe('8a2b0123456789ab')
})
