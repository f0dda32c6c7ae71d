import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { from as copyFrom } from 'pg-copy-streams'
import type { Transaction } from './client.ts'

/** How COPY text writes that a column is null. */
export const COPY_NULL = '\\N'

/** A column's value as COPY text: a backslash, TAB, LF or CR of it is escaped. */
export function encodeText(value: string | undefined): string {
  if (value === undefined) return COPY_NULL
  if (!/[\\\n\r\t]/.test(value)) return value
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
}

/** A list of texts as PostgreSQL writes an array; for long ones, which drivers write slowly. */
export function encodeTextArray(values: readonly string[]): string {
  if (values.length === 0) return '{}'
  const plain = values.join('","')
  // The separators have all the quotes there may be.
  const isPlain = !plain.includes('\\') && plain.split('"').length === 2 * values.length - 1
  const inner = isPlain ? plain : values.map((value) => value.replace(/[\\"]/g, '\\$&')).join('","')
  return `{"${inner}"}`
}

/** Copies lines of COPY text into a table, by a statement `copy … from stdin`. */
export async function copyParts(
  tx: Transaction,
  statement: string,
  parts: Iterable<Uint8Array | string>,
): Promise<void> {
  await pipeline(Readable.from(parts), tx.query(copyFrom(statement)))
}
