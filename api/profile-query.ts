import { z } from 'zod'
import { displays } from '../core/profile/document.ts'
import type { CursorSigner } from '../crypto/cursor.ts'

/** Persons on a page. */
export const PAGE_SIZE = 100

const MAX_TOKEN_LENGTH = 2048

/** A text that the database can hold. */
export function textParam(maxLength: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[^\0]*$/, 'must not hold NUL')
}

/** `true` or `false` in any case, as old clients write them. */
export const truthParam = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false']))

/** False unless given. */
export const flagParam = truthParam.default('false').transform((value) => value === 'true')

/** Which persons a read is about; undefined means all of them. */
export const activeParam = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false', 'any']))
  .default('true')
  .transform((active) => (active === 'any' ? undefined : active === 'true'))
  .describe('Active persons, inactive ones or any')

export const filterDisplayParam = z
  .string()
  .max(100)
  .optional()
  .describe(`Narrows to what this audience sees: ${displays.join(', ')}; others mean public`)

export const nextPageParam = z
  .string()
  .max(MAX_TOKEN_LENGTH)
  .optional()
  .describe('`nextPage` of the previous page')

const positionSchema = z.object({ id: z.uuid() })

/** A page of a list of persons, and the token of the next one. */
export type PersonPage<T> = { readonly persons: readonly T[]; readonly nextPage: string | null }

export type PersonPageRequest<T> = {
  /** Names the list and its filters: a token opens no other. */
  readonly scope: string
  readonly nextPage: string | undefined
  /** Finds at most `limit` persons after an id, by id. */
  readonly find: (range: { after: string | undefined; limit: number }) => Promise<readonly T[]>
}

/** Reads one page; throws `invalid_cursor` (400) for a token that is none of this list. */
export async function readPersonPage<T extends { readonly id: string }>(
  cursors: CursorSigner,
  { scope, nextPage, find }: PersonPageRequest<T>,
): Promise<PersonPage<T>> {
  const after =
    nextPage === undefined ? undefined : positionSchema.parse(cursors.open(scope, nextPage)).id
  // One more than a page tells whether there is a next one.
  const found = await find({ after, limit: PAGE_SIZE + 1 })
  const persons = found.slice(0, PAGE_SIZE)
  const last = found.length > PAGE_SIZE ? persons.at(-1) : undefined
  return { persons, nextPage: last ? cursors.sign(scope, { id: last.id }) : null }
}
