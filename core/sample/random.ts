/** A stream of pseudo-random choices; equal keys give equal streams on every machine. */
export type Random = {
  /** A number in [0, 1). */
  readonly next: () => number
  /** A whole number in [0, limit). */
  readonly int: (limit: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <T>(choices: readonly [T, ...T[]]) => T
}

const WORD = 4_294_967_296

/** Creates the stream of these keys (sfc32 seeded by FNV-1a); made for samples, never for secrets. */
export function createRandom(...keys: readonly (string | number)[]): Random {
  const seed = hash(keys.join('\u0000'))
  let [a, b, c, counter] = [seed, seed ^ 0x9e3779b9, Math.imul(seed, 0x85ebca6b), 1]
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / WORD
  }
  // The first outputs still show how close seeds are to each other.
  for (let round = 0; round < 12; round += 1) next()
  const int = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[int(choices.length)] ?? choices[0],
  }
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value
}
