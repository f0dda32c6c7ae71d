import type { RosterPage, RosterPageRequest, RosterSource } from '../../core/roster/source.ts'

type Ahead = {
  readonly key: string
  readonly page: Promise<RosterPage>
  readonly stop: () => void
  readonly isStopped: () => boolean
}

/**
 * The same source, which fetches the next page of a stream while the one before it is being stored.
 * What is under way ends with the signal of the page that it follows, and with `close`.
 */
export function readAhead(source: RosterSource): RosterSource {
  const ahead = new Map<string, Ahead>()
  const take = (request: RosterPageRequest): Promise<RosterPage> | undefined => {
    const held = ahead.get(request.stream)
    ahead.delete(request.stream)
    if (held?.key === keyOf(request) && !held.isStopped()) {
      return untilAborted(held, request.signal)
    }
    held?.stop()
    return undefined
  }
  return {
    ...source,
    async readPage(request) {
      const page = await (take(request) ?? source.readPage(request))
      if (page.next !== undefined && !request.signal.aborted) {
        ahead.set(request.stream, begin(source, { ...request, cursor: page.next }))
      }
      return page
    },
    close() {
      for (const { stop } of ahead.values()) stop()
      ahead.clear()
      source.close()
    },
  }
}

function begin(source: RosterSource, request: RosterPageRequest): Ahead {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  request.signal.addEventListener('abort', stop, { once: true })
  const page = source.readPage({ ...request, signal: stopping.signal })
  const forget = (): void => request.signal.removeEventListener('abort', stop)
  // Whoever asks for the page is told; nobody may ask.
  page.then(forget, forget)
  return { key: keyOf(request), page, stop, isStopped: () => stopping.signal.aborted }
}

async function untilAborted({ page, stop }: Ahead, signal: AbortSignal): Promise<RosterPage> {
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await page
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function keyOf({ mode, since, stream, cursor }: RosterPageRequest): string {
  return JSON.stringify([mode, since, stream, cursor])
}
