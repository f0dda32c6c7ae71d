import { availableParallelism } from 'node:os'
import type { IndexedChunks } from '../../core/csv/chunks.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { Compacts } from '../../core/license/compacts.ts'
import type { KnownProviders } from '../../db/license/known-providers.ts'
import type { ChunkInput, ParsedChunk, ParserSetup } from './chunk-input.ts'
import type { IndexInput } from './chunk-parser.ts'
import { createLocalLane, createThreadLane, type ParseLane } from './parse-lane.ts'

/** A parsed chunk whose valid rows wait, in the parser, to be finished or discarded. */
export type OpenChunk = ParsedChunk & {
  /** COPY text of `stagingColumns`. */
  readonly finish: (known: KnownProviders) => Promise<Uint8Array[]>
  readonly discard: () => Promise<void>
}

/** Threads that do the CPU work of ingests, so that the process answers its heartbeats meanwhile. */
export type ParsePool = {
  /** Takes over the memory of the bytes, as `parse` does. */
  readonly index: (input: IndexInput) => Promise<IndexedChunks>
  readonly parse: (input: ChunkInput) => Promise<OpenChunk>
  readonly close: () => Promise<void>
}

export type ParsePoolOptions = {
  readonly ring: KeyRing
  /** The database's key for keyed hashes. */
  readonly hashKey: Uint8Array
  readonly compacts: Compacts
  /** One per processor, at most four, unless said. */
  readonly threads?: number
}

const MAX_THREADS = 4
const IS_BUILT = import.meta.url.endsWith('.js')

/** Creates a pool; threads start with their first call. Sources that are not built parse in place. */
export function createParsePool(options: ParsePoolOptions): ParsePool {
  const setup = toSetup(options)
  const size = options.threads ?? Math.min(availableParallelism(), MAX_THREADS)
  const lanes: ParseLane[] = []
  let lastJob = 0

  // A lane that does nothing, else a new one, else the least busy.
  function pickLane(): ParseLane {
    const sound = lanes.filter((lane) => !lane.isBroken())
    lanes.splice(0, lanes.length, ...sound)
    const idle = lanes.find((lane) => lane.pending() === 0)
    if (idle) return idle
    if (lanes.length < size) lanes.push(createLane(setup))
    return lanes.reduce((best, lane) => (lane.pending() < best.pending() ? lane : best))
  }

  return {
    index: async (input) => await pickLane().call<'index'>({ name: 'index', input }),
    async parse(input) {
      const lane = pickLane()
      const job = (lastJob += 1)
      const parsed = await lane.call<'parse'>({ name: 'parse', job, input })
      return {
        ...parsed,
        finish: async (known) => await lane.call<'finish'>({ name: 'finish', job, known }),
        discard: async () => await lane.call<'discard'>({ name: 'discard', job }),
      }
    },
    async close() {
      await Promise.all(lanes.map(async (lane) => await lane.close()))
    },
  }
}

function createLane(setup: ParserSetup): ParseLane {
  if (!IS_BUILT) return createLocalLane(setup)
  return createThreadLane(setup, new URL('./parse-thread.js', import.meta.url))
}

function toSetup({ ring, hashKey, compacts }: ParsePoolOptions): ParserSetup {
  const fieldKeyId = ring.currentId
  return { fieldKeyId, fieldKey: ring.derive('field', fieldKeyId), hashKey, compacts }
}
