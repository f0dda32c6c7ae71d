import { readAhead } from '../../../connectors/roster/read-ahead.ts'
import { AppError } from '../../../core/errors.ts'
import type { RosterPage, RosterPageRequest, RosterSource } from '../../../core/roster/source.ts'

const { signal } = new AbortController()

/** Pages 0 to 3 of every stream; `asked` is what was asked for. */
class CountingSource implements RosterSource {
  readonly asked: (string | undefined)[] = []
  readonly signals: AbortSignal[] = []
  isClosed = false
  failsAt: string | undefined
  readonly listStreams = (): string[] => ['users']
  readonly check = async (): Promise<void> => await Promise.resolve()
  readonly readBaseline = async (): Promise<undefined> => await Promise.resolve(undefined)
  readonly close = (): void => void (this.isClosed = true)
  readonly readPage = async (request: RosterPageRequest): Promise<RosterPage> => {
    const { cursor } = request
    this.asked.push(cursor)
    this.signals.push(request.signal)
    await new Promise((done) => setImmediate(done))
    if (request.signal.aborted) throw new AppError('call_aborted', 'Stopped', { status: 503 })
    if (cursor !== undefined && cursor === this.failsAt) {
      throw new AppError('source_failed', 'Cannot read it', { status: 502 })
    }
    const next = Number(cursor ?? 0) + 1
    return {
      entries: [],
      faults: [],
      warnings: Number(cursor ?? 0),
      next: next > 3 ? undefined : String(next),
    }
  }
}

let counting: CountingSource
let source: RosterSource

beforeEach(() => {
  counting = new CountingSource()
  source = readAhead(counting)
})

async function read(cursor?: string, given = signal): Promise<RosterPage> {
  return await source.readPage({ mode: 'full', stream: 'users', cursor, signal: given })
}

test('every page is asked for once, one ahead of who reads', async () => {
  const first = await read()
  expect(counting.asked).toEqual([undefined, '1'])
  const pages = [first, await read('1'), await read('2'), await read('3')]
  expect(pages.map(({ warnings }) => warnings)).toEqual([0, 1, 2, 3])
  expect(counting.asked).toEqual([undefined, '1', '2', '3'])
})

test('another page than the next one is asked for, and the next one is let go', async () => {
  await read()
  await expect(read('3')).resolves.toMatchObject({ warnings: 3 })
  expect(counting.signals[1]?.aborted).toBe(true)
})

test('a failure is told to who asks for the page, and the page is tried anew after that', async () => {
  counting.failsAt = '1'
  await read()
  await expect(read('1')).rejects.toMatchObject({ code: 'source_failed' })
  counting.failsAt = undefined
  await expect(read('1')).resolves.toMatchObject({ warnings: 1 })
})

test('what is fetched ahead ends with the signal, and is asked for anew by who reads on', async () => {
  const stopping = new AbortController()
  await read(undefined, stopping.signal)
  stopping.abort()
  expect(counting.signals[1]?.aborted).toBe(true)
  await expect(read('1')).resolves.toMatchObject({ warnings: 1 })
})

test('a page that was fetched ahead ends with the signal of who waits for it', async () => {
  const stopping = new AbortController()
  await read()
  const page = read('1', stopping.signal)
  stopping.abort()
  await expect(page).rejects.toMatchObject({ code: 'call_aborted' })
})

test('close() ends what is fetched ahead', async () => {
  await read()
  source.close()
  expect(counting.signals.at(-1)?.aborted).toBe(true)
  expect(counting.isClosed).toBe(true)
})
