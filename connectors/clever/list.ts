import { readUrl } from '../../core/url.ts'
import { isAppError } from '../../core/errors.ts'
import { unwrap } from '../../core/roster/clever.ts'
import { isFields, listOf, textOf, type Fields } from '../../core/roster/fields.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { readObject, throwFailed } from '../roster/answer.ts'
import type { RosterCaller } from '../roster/caller.ts'
import type { CleverCursor } from './cursor.ts'

export type CleverListing = {
  readonly caller: RosterCaller
  readonly baseUrl: string
  /** Below the base URL, such as `/users`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export type CleverList = {
  readonly rows: readonly unknown[]
  /** What was asked for in the end. */
  readonly limit: number
  readonly next: CleverCursor | undefined
}

const TOO_LARGE = 413
const FORBIDDEN = 403

/**
 * One page behind a cursor. A limit that is too large for the source, or whose answer is too large
 * for us, is halved until it will do. Any other status than a success is handed to `onRefusal`.
 */
export async function fetchCleverList(
  listing: CleverListing,
  { after, limit }: CleverCursor,
  onRefusal?: (status: number) => void,
): Promise<CleverList> {
  const what = `read ${listing.path} of Clever`
  for (let size = limit; ; size = Math.floor(size / 2)) {
    const answer = await fetchPage(listing, { after, limit: size }, what).catch(
      (error: unknown) => {
        if (isForbidden(error)) onRefusal?.(FORBIDDEN)
        throw error
      },
    )
    if (answer?.status === TOO_LARGE || answer === undefined) {
      if (size === 1) throwFailed(what, 'it is too large, one record at a time too')
      continue
    }
    if (answer.status < 200 || answer.status >= 300) onRefusal?.(answer.status)
    return readList(readObject(answer, what), { after, limit: size }, what)
  }
}

async function fetchPage(
  { caller, baseUrl, path, query, signal }: CleverListing,
  { after, limit }: CleverCursor,
  what: string,
): Promise<HttpAnswer | undefined> {
  const parameters = new URLSearchParams({ ...query, limit: String(limit) })
  if (after !== undefined) parameters.set('starting_after', after)
  const url = `${baseUrl}${path}?${parameters.toString()}`
  try {
    return await caller.get({ url: () => url, what, signal })
  } catch (error) {
    if (isAppError(error, 'answer_too_large')) return undefined
    throw error
  }
}

function readList(body: Fields, at: CleverCursor, what: string): CleverList {
  const rows = body['data']
  if (!Array.isArray(rows)) throwFailed(what, 'the answer has no list of data')
  const after = rows.length === 0 ? undefined : findNext(body)
  const { limit } = at
  if (after === undefined) return { rows, limit, next: undefined }
  if (after === at.after) throwFailed(what, 'the next page is the same one again')
  return { rows, limit, next: { after, limit } }
}

function isForbidden(error: unknown): boolean {
  return isAppError(error, 'source_unauthorized') && error.details['status'] === FORBIDDEN
}

/** The id behind which the next page begins: no more is taken from a link, which is never followed. */
function findNext(body: Fields): string | undefined {
  const link = listOf(body, 'links').find((entry) => isFields(entry) && entry['rel'] === 'next')
  const uri = textOf(unwrap(link), 'uri')
  const url = uri === undefined ? undefined : readUrl(uri, 'https://base.invalid')
  return url?.searchParams.get('starting_after') || undefined
}
