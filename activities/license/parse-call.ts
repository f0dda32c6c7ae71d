import type { IndexedChunks } from '../../core/csv/chunks.ts'
import type { KnownProviders } from '../../db/license/known-providers.ts'
import type { ChunkInput, ParsedChunk } from './chunk-input.ts'
import type { ChunkParser, IndexInput } from './chunk-parser.ts'

/** What a parser is asked, as a message that can be sent to a thread. */
export type ParseCall =
  | { readonly name: 'index'; readonly input: IndexInput }
  | { readonly name: 'parse'; readonly job: number; readonly input: ChunkInput }
  | { readonly name: 'finish'; readonly job: number; readonly known: KnownProviders }
  | { readonly name: 'discard'; readonly job: number }

/** What a parser answers to each call. */
export type ParseAnswer<Name extends ParseCall['name']> = {
  readonly index: IndexedChunks
  readonly parse: ParsedChunk
  readonly finish: Uint8Array[]
  readonly discard: void
}[Name]

/** Answers one call. */
export function answerCall(parser: ChunkParser, call: ParseCall): unknown {
  switch (call.name) {
    case 'index':
      return parser.index(call.input)
    case 'parse':
      return parser.parse(call.job, call.input)
    case 'finish':
      return parser.finish(call.job, call.known)
    case 'discard':
      return parser.discard(call.job)
    default:
      return call satisfies never
  }
}

/** The memory of a message that its sender gives away instead of copying it. */
export function listTransfers(message: unknown): ArrayBuffer[] {
  if (message instanceof Uint8Array) return isWhole(message) ? [message.buffer] : []
  if (Array.isArray(message)) return message.flatMap(listTransfers)
  if (typeof message !== 'object' || message === null) return []
  const { bytes, source, input, faults, ssnHashes } = message as Partial<Record<string, unknown>> // looked at one by one
  return [bytes, source, input, faults, ssnHashes].flatMap(listTransfers)
}

// A small Buffer is part of a pool that others use.
function isWhole(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
}
