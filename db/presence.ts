import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** Shows others that a process is there: a session that holds a lock until the process ends. */
export type Presence = {
  /** The key of the lock, another one with each session; undefined while there can be no session. */
  readonly findKey: () => Promise<string | undefined>
  readonly close: () => Promise<void>
}

export type PresenceOptions = {
  readonly connectionString: string
  readonly applicationName: string
}

type Session = { readonly key: string; readonly client: pg.Client }

// A request waits for it: without a session it is answered all the same.
const TIMEOUT_MS = 1_500

/**
 * Creates the presence of a process, connected on first use. PostgreSQL lets go of the lock when the
 * process dies; when the connection is lost, the next use opens another session with another key.
 */
export function createPresence(options: PresenceOptions): Presence {
  let current: Promise<Session | undefined> | undefined
  const open = (): Promise<Session | undefined> => {
    // A connection may tell of its end twice, when another one has taken its place.
    const opened = openSession(options, () => {
      if (current === opened) current = undefined
    })
    return opened
  }
  return {
    async findKey() {
      current ??= open()
      const session = await current
      return session?.key
    },
    async close() {
      const session = await current
      await session?.client.end()
    },
  }
}

async function openSession(
  { connectionString, applicationName }: PresenceOptions,
  onLost: () => void,
): Promise<Session | undefined> {
  const key = randomBytes(8).readBigInt64BE().toString()
  const client = new pg.Client({
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    keepAlive: true,
  })
  client.on('error', onLost)
  client.on('end', onLost)
  try {
    await client.connect()
    await client.query('select pg_advisory_lock($1::bigint)', [key])
    return { key, client }
  } catch {
    onLost()
    await client.end().catch(() => {})
    return undefined
  }
}
