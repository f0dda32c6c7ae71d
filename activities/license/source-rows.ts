import { readRecords } from '../../core/csv/records.ts'
import { toRow } from '../../core/csv/row.ts'
import { writeLine } from '../../core/csv/write.ts'
import { licenseFieldNames } from '../../core/license/fields.ts'
import type { FieldMessages } from '../../core/license/messages.ts'
import { rowField } from '../../core/license/messages.ts'
import type { RecordPlace } from '../../db/license/copy-text.ts'
import type { ChunkSource } from './chunk-input.ts'

/** A record as its source has it: cells to be judged, or why they cannot be read. */
export type SourceRow = {
  readonly place: RecordPlace
  readonly fields: Readonly<Record<string, unknown>>
  readonly faults?: FieldMessages
  /** The record's bytes in the upload format. */
  readonly toBytes: () => Uint8Array
}

/** The columns in which posted records are shown where something is to be said of them. */
export const postedColumns: readonly string[] = licenseFieldNames

/** The records of a chunk, in order. */
export function* readSource(source: ChunkSource): Generator<SourceRow> {
  if (source.kind === 'csv') yield* readCsv(source)
  else yield* readPosted(source.bytes)
}

function* readCsv(source: Extract<ChunkSource, { kind: 'csv' }>): Generator<SourceRow> {
  const { bytes, header, from } = source
  for (const record of readRecords(bytes, { header, from })) {
    const { fault, cells, ...place } = record
    yield {
      place,
      fields: fault === undefined ? toRow(cells, header.columns) : {},
      ...(fault === undefined ? {} : { faults: { [rowField]: [fault] } }),
      toBytes: () => bytes.subarray(place.byteStart - from.byte, place.byteEnd - from.byte),
    }
  }
}

// They were judged when they came in; their bytes are written as a file would have them.
function* readPosted(bytes: Uint8Array): Generator<SourceRow> {
  const records = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>[] // our own document
  for (const [index, fields] of records.entries()) {
    const record = index + 1
    yield {
      place: { record, firstLine: record, lastLine: record, byteStart: 0, byteEnd: 0 },
      fields,
      toBytes: () => Buffer.from(writeLine(postedColumns.map((name) => toCell(fields[name])))),
    }
  }
}

function toCell(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
