import { z } from 'zod'
import { AppError } from '../../core/errors.ts'

/** Where a stream goes on: behind this id, with pages of this size. */
export type CleverCursor = { readonly after?: string | undefined; readonly limit: number }

/** The newest event there was, or that there was none, and when that was. */
export type CleverBaseline = { readonly id?: string | undefined; readonly at: string }

const cursor = z.object({ after: z.string().min(1).optional(), limit: z.int().positive() })
const baseline = z.object({ id: z.string().min(1).optional(), at: z.iso.datetime() })

/** Reads what `JSON.stringify` made of a cursor; throws `invalid_cursor` (400) for any other text. */
export function parseCleverCursor(text: string): CleverCursor {
  return parse(cursor, text)
}

/** Reads what `JSON.stringify` made of a baseline; throws `invalid_cursor` (400) for any other text. */
export function parseCleverBaseline(text: string): CleverBaseline {
  return parse(baseline, text)
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid_cursor', 'Cannot go on from this cursor: it is none of Clever', {
      status: 400,
      cause,
    })
  }
}
