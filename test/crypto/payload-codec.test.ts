import type { Payload } from '@temporalio/common'
import { fc } from '../support/properties.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { createPayloadCodec } from '../../crypto/payload-codec.ts'

const document = generateKeyRingDocument()
const codec = createPayloadCodec({ ring: createKeyRing(document), namespace: 'default' })
const json: Payload = {
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from('"secret"'),
}

async function encodeOne(payload: Payload): Promise<Payload> {
  const [encoded] = await codec.encode([payload])
  if (!encoded) throw new Error('nothing was encoded')
  return encoded
}

function toBytes(payload: Payload): unknown {
  const metadata = Object.entries(payload.metadata ?? {})
  return {
    metadata: Object.fromEntries(metadata.map(([key, value]) => [key, Buffer.from(value)])),
    data: Buffer.from(payload.data ?? []),
  }
}

test('createPayloadCodec() gives back any payload it encoded', async () => {
  const payloads = fc.array(
    fc.record({
      metadata: fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), fc.uint8Array()),
      data: fc.uint8Array({ maxLength: 5_000 }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(payloads, async (plain) => {
      const decoded = await codec.decode(await codec.encode(plain))
      expect(decoded.map(toBytes)).toEqual(plain.map(toBytes))
    }),
  )
})

test('createPayloadCodec() marks the encoding and the key, and hides data and metadata', async () => {
  const encoded = await encodeOne(json)
  expect(toBytes(encoded)).toMatchObject({
    metadata: {
      encoding: Buffer.from('binary/encrypted'),
      'encryption-key-id': Buffer.from(document.current),
    },
  })
  const bytes = Buffer.from(encoded.data ?? []).toString('latin1')
  expect(bytes).not.toMatch(/secret|json/)
})

test.each<{ what: string; payload: Payload }>([
  { what: 'plain JSON', payload: json },
  { what: 'a payload without metadata', payload: { data: Buffer.from('x') } },
  {
    what: 'a payload that others encrypted',
    payload: { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('x') },
  },
])('createPayloadCodec() passes $what through', async ({ payload }) => {
  await expect(codec.decode([payload])).resolves.toEqual([payload])
})

test('createPayloadCodec() decodes with any key of the ring', async () => {
  const other = generateKeyRingDocument()
  const ring = createKeyRing({ ...other, keys: { ...document.keys, ...other.keys } })
  const rotated = createPayloadCodec({ ring, namespace: 'default' })
  const [decoded] = await rotated.decode([await encodeOne(json)])
  expect(Buffer.from(decoded?.data ?? []).toString()).toBe('"secret"')
})

test('createPayloadCodec() names a key that is not in the ring', async () => {
  const ring = createKeyRing(generateKeyRingDocument())
  const stranger = createPayloadCodec({ ring, namespace: 'default' })
  await expect(stranger.decode([await encodeOne(json)])).rejects.toMatchObject({
    code: 'unknown_key',
    message: `Cannot use key "${document.current}": it is not in the key ring`,
  })
})

test('createPayloadCodec() refuses a payload of another namespace', async () => {
  const elsewhere = createPayloadCodec({ ring: createKeyRing(document), namespace: 'elsewhere' })
  await expect(elsewhere.decode([await encodeOne(json)])).rejects.toMatchObject({
    code: 'undecryptable',
    message: expect.stringContaining('namespace "elsewhere"'),
  })
})

test('createPayloadCodec() refuses altered or shortened data', async () => {
  const encoded = await encodeOne(json)
  const data = Buffer.from(encoded.data ?? [])
  await fc.assert(
    fc.asyncProperty(fc.nat(data.length - 1), async (position) => {
      const altered = Buffer.from(data)
      altered.writeUInt8(altered.readUInt8(position) ^ 1, position)
      for (const bytes of [altered, data.subarray(0, position)])
        await expect(codec.decode([{ ...encoded, data: bytes }])).rejects.toMatchObject({
          code: 'undecryptable',
        })
    }),
  )
})
