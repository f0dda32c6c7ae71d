import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { AppError } from '../core/errors.ts'

const CONNECT_TIMEOUT_MS = 5_000
const PATIENCE_MS = 30_000
const POLL_MS = 500
const OLDEST_VERSION = 140_000
// Waiting does not help with these.
const REFUSALS: Readonly<Record<string, string>> = {
  '28P01': 'it refuses the password',
  '28000': 'it refuses the role',
  '3D000': 'it has no such database',
}

/**
 * Waits up to 30 s for the PostgreSQL of `DATABASE_URL` to answer, and returns its version. Throws
 * `database_unavailable` naming the variable and the host, never the password.
 */
export async function waitForDatabase(
  databaseUrl: string,
  options: { readonly patienceMs?: number; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const deadline = Date.now() + (options.patienceMs ?? PATIENCE_MS)
  for (;;) {
    const answer = await ask(databaseUrl)
    if (typeof answer !== 'string') {
      const isFinal = answer.code !== undefined && answer.code in REFUSALS
      if (isFinal || Date.now() > deadline) throwUnavailable(databaseUrl, answer)
      await delay(POLL_MS, undefined, { signal: options.signal })
      continue
    }
    if (Number(answer) < OLDEST_VERSION) throwTooOld(answer)
    return describeVersion(answer)
  }
}

type Failure = Error & { readonly code?: string }

async function ask(databaseUrl: string): Promise<string | Failure> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string }>(
      `select current_setting('server_version_num') as version`,
    )
    return rows[0]?.version ?? ''
  } catch (error) {
    return error as Failure // pg and net throw Errors
  } finally {
    await client.end().catch(() => {})
  }
}

function throwUnavailable(databaseUrl: string, cause: Failure): never {
  const { host } = new URL(databaseUrl)
  const reason = REFUSALS[cause.code ?? ''] ?? cause.code ?? cause.message
  throw new AppError(
    'database_unavailable',
    `Cannot reach the PostgreSQL that DATABASE_URL names at "${host}": ${reason}; start it or correct DATABASE_URL, or unset it to use the embedded one`,
    { status: 503, expose: true, cause },
  )
}

function throwTooOld(version: string): never {
  throw new AppError(
    'database_too_old',
    `Cannot use the PostgreSQL that DATABASE_URL names: it is ${describeVersion(version)}, and 14 is the oldest that will do`,
    { status: 500, expose: true },
  )
}

// 180004 → 18.4, as PostgreSQL counts since version 10.
function describeVersion(version: string): string {
  const number = Number(version)
  return `${Math.floor(number / 10_000)}.${number % 10_000}`
}
