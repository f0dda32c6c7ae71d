/** Rows that are made as they are read, page after page; one that goes on where the last ended costs nothing. */
export type Pager<T> = {
  /** `undefined` where no row has that id. */
  readonly readAfter: (id: string | undefined, limit: number) => PagerPage<T> | undefined
  readonly readFrom: (offset: number, limit: number) => PagerPage<T>
}

export type PagerPage<T> = { readonly rows: readonly T[]; readonly hasMore: boolean }

type Reading<T> = {
  readonly rows: Iterator<T>
  offset: number
  lastId: string | undefined
  ahead?: T
}

/** Creates a pager over rows that `open` makes anew, `idOf` being what a row is known by. */
export function createPager<T>(open: () => Iterator<T>, idOf: (row: T) => string): Pager<T> {
  let reading = begin(open)
  const take = (limit: number): PagerPage<T> => {
    const rows: T[] = []
    while (rows.length < limit && reading.ahead !== undefined) {
      rows.push(reading.ahead)
      advance(reading, idOf)
    }
    return { rows, hasMore: reading.ahead !== undefined }
  }
  const skip = (isReached: () => boolean): boolean => {
    if (isReached()) return true
    reading = begin(open)
    while (!isReached() && reading.ahead !== undefined) advance(reading, idOf)
    return isReached()
  }
  return {
    readAfter(id, limit) {
      return skip(() => reading.lastId === id) ? take(limit) : undefined
    },
    readFrom(offset, limit) {
      skip(() => reading.offset === offset)
      return take(limit)
    },
  }
}

function begin<T>(open: () => Iterator<T>): Reading<T> {
  const reading: Reading<T> = { rows: open(), offset: 0, lastId: undefined }
  return look(reading)
}

function look<T>(reading: Reading<T>): Reading<T> {
  const next = reading.rows.next()
  if (next.done) delete reading.ahead
  else reading.ahead = next.value
  return reading
}

function advance<T>(reading: Reading<T>, idOf: (row: T) => string): void {
  if (reading.ahead === undefined) return
  reading.lastId = idOf(reading.ahead)
  reading.offset += 1
  look(reading)
}
