import { z } from 'zod'
import { AppError } from '../../core/errors.ts'

/** Where a collection goes on. */
export type OneRosterCursor = {
  /** Rows received so far. */
  readonly offset: number
  readonly limit: number
  /** The server has given a page of exactly the size that was asked for. */
  readonly honoursLimit: boolean
  /** The largest total that was said so far. */
  readonly total?: number | undefined
  /** A hash of the first row of the page before. */
  readonly first?: string | undefined
}

const cursor = z.object({
  offset: z.int().nonnegative(),
  limit: z.int().positive(),
  honoursLimit: z.boolean(),
  total: z.int().nonnegative().optional(),
  first: z.string().optional(),
})

/** Reads what `JSON.stringify` made of a cursor; throws `invalid_cursor` (400) for any other text. */
export function parseOneRosterCursor(text: string): OneRosterCursor {
  try {
    return cursor.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid_cursor', 'Cannot go on from this cursor: it is none of OneRoster', {
      status: 400,
      cause,
    })
  }
}
