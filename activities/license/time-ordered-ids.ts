import { randomFillSync } from 'node:crypto'

const RANDOM_BYTES = 8
const POOLED = 512
const COUNTER_LIMIT = 0x1000

/**
 * Creates a source of UUIDs of version 7 (RFC 9562): each is greater than the one before, so that
 * rows of one chunk go to the end of their index, side by side.
 */
export function createTimeOrderedIds(now: () => number): () => string {
  const pool = Buffer.alloc(RANDOM_BYTES * POOLED)
  let random = ''
  let offset = 0
  let millis = 0
  let counter = 0

  function tick(): void {
    const current = now()
    counter += 1
    if (current <= millis && counter < COUNTER_LIMIT) return
    millis = Math.max(current, millis + 1)
    counter = 0
  }

  function takeRandom(): string {
    if (offset === random.length) {
      random = randomFillSync(pool).toString('hex')
      offset = 0
    }
    offset += 2 * RANDOM_BYTES
    return random.slice(offset - 2 * RANDOM_BYTES, offset)
  }

  return () => {
    tick()
    const time = millis.toString(16).padStart(12, '0')
    const step = counter.toString(16).padStart(3, '0')
    const tail = takeRandom()
    // The variant is the top two bits, 10.
    const variant = '89ab'[Number.parseInt(tail.charAt(0), 16) & 3] ?? '8'
    return `${time.slice(0, 8)}-${time.slice(8)}-7${step}-${variant}${tail.slice(1, 4)}-${tail.slice(4)}`
  }
}
