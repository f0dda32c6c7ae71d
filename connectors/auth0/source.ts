import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { findUpdatedAt, readAuth0User } from '../../core/source/auth0-user.ts'
import type { ProfileSource, SourceRead } from '../../core/source/source.ts'
import { createAuth0Management, type Auth0Management, type Auth0Options } from './management.ts'

export type Auth0SourceOptions = Auth0Options &
  Pick<ProfileSource, 'name' | 'publisher' | 'guard'> & {
    readonly connections: readonly string[]
  }

type Listing = {
  readonly connection: string
  readonly request: SourceRead
  readonly onUser: (user: unknown) => void
}

const PAGE_SIZE = 100
// The Management API lists the first 1,000 of a search, and no more.
const MAX_PAGES = 10

const page = z.union([
  z.object({ users: z.array(z.unknown()), total: z.int().nonnegative() }),
  // Without totals: a page that is not full is the last one.
  z.array(z.unknown()).transform((users) => ({ users, total: undefined })),
])
const dated = z.object({ user_id: z.string(), created_at: z.string() })

/** Users of some of Auth0's connections, by their search; incremental by `updated_at`. */
export function createAuth0Source(options: Auth0SourceOptions): ProfileSource {
  const { name, publisher, guard } = options
  const management = createAuth0Management(options)
  return {
    name,
    publisher,
    guard,
    matchesBy: 'user_id',
    creates: true,
    async read(request) {
      let newest = request.since
      const onUser = (user: unknown): void => {
        const updatedAt = findUpdatedAt(user)
        if (updatedAt !== undefined && updatedAt > (newest ?? '')) newest = updatedAt
      }
      for (const connection of options.connections) {
        await listUsers(management, { connection, request, onUser })
      }
      return newest
    },
    close: async () => await Promise.resolve(),
  }
}

// By the date of their creation, window after window: within one at most 1,000 can be listed.
async function listUsers(management: Auth0Management, listing: Listing): Promise<void> {
  const { request, onUser } = listing
  const seen = new Set<string>()
  for (let from: string | undefined; ;) {
    let last: string | undefined
    let received = 0
    for (let number = 0; number < MAX_PAGES; number += 1) {
      const { users, total } = await fetchPage(management, { ...listing, from, number })
      const fresh = users.filter((user) => isFresh(user, seen))
      fresh.forEach(onUser)
      await request.onRows(fresh.map((user) => readAuth0User(user, request.now)))
      last = createdAt(users.at(-1)) ?? last
      received += users.length
      if (total === undefined ? users.length < PAGE_SIZE : received >= total) return
      if (users.length === 0) throwCutOff()
    }
    if (last === undefined || last === from) throwCutOff()
    from = last
  }
}

async function fetchPage(
  management: Auth0Management,
  {
    connection,
    request: { since, signal },
    from,
    number,
  }: Listing & { readonly from: string | undefined; readonly number: number },
): Promise<z.output<typeof page>> {
  const terms = [
    `identities.connection:"${connection}"`,
    ...(since === undefined ? [] : [`updated_at:["${since}" TO *]`]),
    ...(from === undefined ? [] : [`created_at:["${from}" TO *]`]),
  ]
  const query = new URLSearchParams({
    q: terms.join(' AND '),
    search_engine: 'v3',
    sort: 'created_at:1',
    per_page: String(PAGE_SIZE),
    page: String(number),
    include_totals: 'true',
  })
  const answer = await management.call({
    method: 'GET',
    path: `/users?${query.toString()}`,
    signal,
  })
  const parsed = page.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new AppError('invalid_source', 'Cannot use the list of users: it is not of its form', {
    status: 502,
  })
}

function isFresh(user: unknown, seen: Set<string>): boolean {
  const parsed = z.object({ user_id: z.string() }).safeParse(user)
  if (!parsed.success) return true
  const isNew = !seen.has(parsed.data.user_id)
  seen.add(parsed.data.user_id)
  return isNew
}

function createdAt(user: unknown): string | undefined {
  const parsed = dated.safeParse(user)
  return parsed.success ? parsed.data.created_at : undefined
}

function throwCutOff(): never {
  throw new AppError(
    'source_cut_off',
    'Cannot read all users: Auth0 lists fewer than it says there are',
    { status: 502 },
  )
}
