import type { CsvHeader } from '../../core/csv/header.ts'
import type { ScanPosition } from '../../core/csv/record-scanner.ts'
import type { Compacts } from '../../core/license/compacts.ts'

/** The keys and rules that a parser needs; it can be sent to a thread. */
export type ParserSetup = {
  readonly fieldKeyId: string
  readonly fieldKey: Uint8Array
  readonly hashKey: Uint8Array
  readonly compacts: Compacts
}

/** Bytes of a CSV file's body on record boundaries, or a JSON document of posted records. */
export type ChunkSource =
  | {
      readonly kind: 'csv'
      readonly bytes: Uint8Array
      readonly header: CsvHeader
      readonly from: ScanPosition
    }
  | { readonly kind: 'records'; readonly bytes: Uint8Array }

export type ChunkInput = {
  readonly uploadId: string
  readonly chunk: number
  readonly compact: string
  readonly jurisdiction: string
  readonly source: ChunkSource
}

/** What a chunk turned out to hold; its valid rows stay with the parser until it knows whose they are. */
export type ParsedChunk = {
  readonly records: number
  readonly rejected: number
  /** The SSN hashes of the valid rows, each once, one after the other. */
  readonly ssnHashes: Uint8Array
  /** COPY text of `faultColumns`, UTF-8. */
  readonly faults: readonly Uint8Array[]
}
