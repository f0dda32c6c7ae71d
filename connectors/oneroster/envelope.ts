import { fieldsOf, isFields, textOf, type Fields } from '../../core/roster/fields.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { readObject, throwFailed } from '../roster/answer.ts'

/** The rows of an answer, and what its headers say of the whole. */
export type Envelope = {
  readonly rows: readonly unknown[]
  readonly total: number | undefined
  readonly revision: string | undefined
  /** Something that the source complains of beside the rows that it gives. */
  readonly warnings: number
}

/**
 * Reads the answer of a collection. Throws `source_failed` for a page of HTML, an error envelope,
 * which many servers send under 200, or a key that is no list: none of them is an empty collection.
 */
export function readEnvelope(answer: HttpAnswer, key: string, what: string): Envelope {
  const body = readObject(answer, what)
  if (isErrorEnvelope(body)) throwFailed(what, 'the answer is an error')
  const rows = Object.hasOwn(body, key) ? body[key] : undefined
  if (!Array.isArray(rows)) throwFailed(what, 'the answer has no list of the records')
  const { headers } = answer
  const total = headers['x-total-count']
  const revision = headers['x-perm-rev']
  return {
    rows,
    total: typeof total === 'string' && /^\d{1,15}$/.test(total.trim()) ? Number(total) : undefined,
    revision: typeof revision === 'string' ? revision : undefined,
    warnings: listStatuses(body).length > 0 ? 1 : 0,
  }
}

function isErrorEnvelope(body: Fields): boolean {
  if (isPresent(body['error']) || isPresent(body['errors'])) return true
  return [body, ...listStatuses(body)].some(isFailure)
}

// 1.1 has a list, some servers one of them; the capital differs between versions.
function listStatuses(body: Fields): Fields[] {
  const held = [body['statusInfoSet'], body['imsx_StatusInfo']]
  return held.flatMap((value) =>
    Array.isArray(value) ? value.filter(isFields) : [value].filter(isFields),
  )
}

function isFailure(status: Fields): boolean {
  const major = textOf(status, 'imsx_codeMajor') ?? textOf(status, 'imsx_CodeMajor')
  const severity =
    textOf(status, 'imsx_severity') ?? textOf(fieldsOf(status, 'imsx_CodeMinor'), 'imsx_severity')
  return major?.toLowerCase() === 'failure' || severity?.toLowerCase() === 'error'
}

function isPresent(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return value !== undefined && value !== null && value !== false && value !== ''
}
