import { readRecords } from '../../core/csv/records.ts'
import { createRowReader } from '../../core/csv/row.ts'
import { writeLine } from '../../core/csv/write.ts'
import { licenseFieldNames } from '../../core/license/fields.ts'
import { rowField, type FieldMessages } from '../../core/license/messages.ts'
import type { RecordPlace } from '../../db/license/copy-text.ts'
import type { ChunkSource } from './chunk-input.ts'

type Fields = Readonly<Record<string, unknown>>

/** A record as its source has it: fields to be judged, or why they cannot be read. */
export type SourceRow = {
  readonly place: RecordPlace
  readonly fields: Fields
  readonly faults: FieldMessages | undefined
}

/** The columns in which posted records are shown where something is to be said of them. */
export const postedColumns: readonly string[] = licenseFieldNames

const noFields: Fields = {}

/** The records of a chunk, in order. */
export function readSource(source: ChunkSource): Iterable<SourceRow> {
  return source.kind === 'csv' ? readCsv(source) : readPosted(source.bytes)
}

/** A record's bytes in the upload format. */
export function toBytes(source: ChunkSource, { place, fields }: SourceRow): Uint8Array {
  if (source.kind === 'records') {
    return Buffer.from(writeLine(postedColumns.map((name) => toCell(fields[name]))))
  }
  const { bytes, from } = source
  return bytes.subarray(place.byteStart - from.byte, place.byteEnd - from.byte)
}

function* readCsv(source: Extract<ChunkSource, { kind: 'csv' }>): Generator<SourceRow> {
  const { bytes, header, from } = source
  const readRow = createRowReader(header.columns)
  for (const record of readRecords(bytes, { header, from })) {
    const { fault, cells } = record
    if (fault === undefined) {
      yield { place: record, fields: readRow(cells), faults: undefined }
    } else {
      yield { place: record, fields: noFields, faults: { [rowField]: [fault] } }
    }
  }
}

// They were judged when they came in; a record stands for a line.
function* readPosted(bytes: Uint8Array): Generator<SourceRow> {
  const records = JSON.parse(new TextDecoder().decode(bytes)) as Fields[] // our own document
  for (const [index, fields] of records.entries()) {
    const record = index + 1
    const place = { record, firstLine: record, lastLine: record, byteStart: 0, byteEnd: 0 }
    yield { place, fields, faults: undefined }
  }
}

function toCell(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
