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

/** Copies lines of COPY text into a table, by a statement `copy … from stdin`. */
export async function copyParts(
  tx: Transaction,
  statement: string,
  parts: Iterable<Uint8Array | string>,
): Promise<void> {
  await pipeline(Readable.from(parts), tx.query(copyFrom(statement)))
}
