import { z } from 'zod'
import type { Reply } from './guard.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 100
const MAX_CURSOR_LENGTH = 2048

/** The query parameters that every list takes. */
export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT)
    .describe('How many items at most'),
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR_LENGTH)
    .optional()
    .describe('`next` of the previous page'),
}

/** The envelope of a list. */
export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodArray<T>; next: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}

/** The `Link` header (RFC 8288) to the next page: the request's own URL with another cursor. */
export function createNextLink(url: string, cursor: string): string {
  const [path = '', search] = url.split('?')
  const query = new URLSearchParams(search)
  query.set('cursor', cursor)
  return `<${path}?${query.toString()}>; rel="next"`
}

/** A page of a list of which one more than the limit was looked for; `last` where there is more. */
export function cutPage<T>(
  found: readonly T[],
  limit: number,
): { readonly items: readonly T[]; readonly last: T | undefined } {
  const items = found.slice(0, limit)
  return { items, last: found.length > limit ? items.at(-1) : undefined }
}

/** Answers with one page: `{items, next}` and, where there is more, `Link: rel="next"`. */
export function replyWithPage(
  url: string,
  page: { readonly items: readonly unknown[]; readonly next: string | undefined },
): Reply {
  const { items, next } = page
  if (next === undefined) return { status: 200, body: { items, next: null } }
  return {
    status: 200,
    headers: { Link: createNextLink(url, next) },
    body: { items, next },
  }
}
