import { AppError, isAppError } from '../../core/errors.ts'
import { isFields, type Fields } from '../../core/roster/fields.ts'
import { parseJson } from '../http/answer.ts'
import type { HttpAnswer } from '../http/exchange.ts'

/**
 * The JSON object of a success. Throws `source_failed` for any other status, an HTML page, broken
 * JSON, or JSON that is no object: none of them is an empty roster. Bodies are never quoted.
 */
export function readObject(answer: HttpAnswer, what: string): Fields {
  if (answer.status < 200 || answer.status >= 300) {
    throwFailed(what, `the source answered ${answer.status}`)
  }
  const body = readJson(answer, what)
  return isFields(body) ? body : throwFailed(what, 'the answer is no JSON object')
}

/** Throws `source_failed` (502), `reason` being why `what` could not be done. */
export function throwFailed(what: string, reason: string, cause?: unknown): never {
  throw new AppError('source_failed', `Cannot ${what}: ${reason}`, { status: 502, cause })
}

function readJson(answer: HttpAnswer, what: string): unknown {
  try {
    return parseJson(answer, what)
  } catch (error) {
    if (!isAppError(error, 'invalid_answer')) throw error
    return throwFailed(what, 'the answer is not JSON')
  }
}
