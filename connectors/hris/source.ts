import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { readHrisEntry } from '../../core/source/hris.ts'
import type { ProfileSource } from '../../core/source/source.ts'
import { assertSuccess, parseJson } from '../http/answer.ts'
import type { HttpClient } from '../http/client.ts'

export type HrisSourceOptions = Pick<ProfileSource, 'name' | 'publisher' | 'guard'> & {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly http: HttpClient
}

const BATCH_SIZE = 500
const TIMEOUT_MS = 300_000
const MAX_BYTES = 256 * 1024 * 1024

const report = z.object({ Report_Entry: z.array(z.record(z.string(), z.unknown())) })

/** A Workday-style report, fetched whole each time; persons are matched by work e-mail and never made. */
export function createHrisSource(options: HrisSourceOptions): ProfileSource {
  const { name, publisher, guard } = options
  return {
    name,
    publisher,
    guard,
    matchesBy: 'primary_email',
    creates: false,
    async read({ signal, onRows }) {
      const entries = await fetchReport(options, signal)
      for (let start = 0; start < entries.length; start += BATCH_SIZE) {
        await onRows(entries.slice(start, start + BATCH_SIZE).map(readHrisEntry))
      }
      return undefined
    },
    close: async () => await Promise.resolve(),
  }
}

async function fetchReport(
  { url, user, password, http }: HrisSourceOptions,
  signal: AbortSignal,
): Promise<z.output<typeof report>['Report_Entry']> {
  const credentials = Buffer.from(`${user}:${password}`).toString('base64')
  const answer = await http.send({
    url,
    isTrusted: true,
    headers: { authorization: `Basic ${credentials}`, accept: 'application/json' },
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal,
  })
  if (answer.status === 401 || answer.status === 403) throwRefused(answer.status)
  assertSuccess(answer, 'read the report')
  const parsed = report.safeParse(parseJson(answer, 'read the report'))
  if (parsed.success) return parsed.data.Report_Entry
  throw new AppError(
    'invalid_source',
    'Cannot use the report: it must be {"Report_Entry": [...]}, each entry an object',
    { status: 422 },
  )
}

function throwRefused(status: number): never {
  throw new AppError(
    'credentials_refused',
    `Cannot read the report: it answers ${status}, mend user and password of the source`,
    { status: 422 },
  )
}
