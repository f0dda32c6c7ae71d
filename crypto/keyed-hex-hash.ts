import { hash } from 'node:crypto'

/** The digest of `createKeyedHash` in hexadecimal. */
export type KeyedHexHash = (context: string, value: string) => string

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
const INNER = 0x36
const OUTER = 0x5c
// UTF-8 takes at most so many bytes for a UTF-16 unit.
const MAX_UNIT_BYTES = 3

/**
 * Creates the same HMAC-SHA-256 as `createKeyedHash`, made for millions of short values: RFC 2104 on
 * Node's one-shot hash, which makes no object for the collector and is more than twice as fast.
 */
export function createKeyedHexHash(key: Uint8Array): KeyedHexHash {
  const inner = createPad(key, INNER)
  const outer = Buffer.concat([createPad(key, OUTER), Buffer.alloc(DIGEST_BYTES)])
  let message = Buffer.concat([inner, Buffer.alloc(1024)])
  return (context, value) => {
    const text = `${context.length}:${context}:${value}`
    const room = BLOCK_BYTES + text.length * MAX_UNIT_BYTES
    if (message.length < room) message = Buffer.concat([inner, Buffer.alloc(room)])
    const end = BLOCK_BYTES + message.write(text, BLOCK_BYTES)
    outer.write(hash('sha256', message.subarray(0, end), 'hex'), BLOCK_BYTES, 'hex')
    return hash('sha256', outer, 'hex')
  }
}

function createPad(key: Uint8Array, byte: number): Buffer {
  const block = key.length > BLOCK_BYTES ? Buffer.from(hash('sha256', key, 'hex'), 'hex') : key
  const pad = Buffer.alloc(BLOCK_BYTES, byte)
  for (const [index, value] of block.entries()) pad[index] = value ^ byte
  return pad
}
