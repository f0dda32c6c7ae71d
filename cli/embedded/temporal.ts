import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checkTemporal, createTemporalClient } from '../../connectors/temporal.ts'
import { AppError } from '../../core/errors.ts'
import { assertListening, findFreePort } from './ports.ts'
import {
  hasEnded,
  listProcessesWithArgument,
  stopChild,
  stopProcess,
  waitForEnd,
} from './processes.ts'
import { openServerLog } from './server-log.ts'
import { waitForServer } from './server-start.ts'

export type EmbeddedTemporal = {
  readonly address: string
  /** Undefined when it runs without a UI. */
  readonly uiUrl: string | undefined
  readonly process: ChildProcess
  /** Resolves when the server is gone, for whatever reason. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

export type EmbeddedTemporalOptions = {
  /** A Temporal CLI, as `resolveTemporalCli` finds it. */
  readonly binary: string
  /** The folder that belongs to this server, for its database and log; made when absent. */
  readonly directory: string
  readonly namespace: string
  /** Any free ones unless given. */
  readonly port?: number
  readonly ui?: { readonly port?: number; readonly codecEndpoint: string }
  /** Aborted: the start is given up. */
  readonly signal?: AbortSignal
}

const LOOPBACK = '127.0.0.1'
const START_TIMEOUT_MS = 60_000
const ATTEMPTS = 3
const CHECK_DEADLINE_MS = 2_000
const STOP = { signal: 'SIGTERM', graceMs: 3_000 } as const

// With WAL it survives kill -9; the database's default pragmas manage a tenth of the workflows.
const FIXED_ARGUMENTS = [
  `--ip=${LOOPBACK}`,
  '--sqlite-pragma=journal_mode=WAL',
  '--sqlite-pragma=synchronous=OFF',
  '--dynamic-config-value=frontend.enableServerVersionCheck=false',
  '--log-level=error',
]

/**
 * Starts Temporal's development server on loopback with its state in `directory`; resolves when it
 * has our namespace. A server that an earlier process left running on the same data is stopped
 * first, and one that ends by itself while it starts is started anew. Throws
 * `temporal_start_failed` with the telling lines of the server's log.
 */
export async function startEmbeddedTemporal(
  options: EmbeddedTemporalOptions,
): Promise<EmbeddedTemporal> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  const database = `--db-filename=${join(options.directory, 'temporal.db')}`
  for (const pid of await listProcessesWithArgument(database)) await stopProcess(pid, STOP)
  for (let attempt = 1; ; attempt++) {
    const started = await attemptStart(options, database)
    if ('address' in started) return started
    // Its inner services take ports that were free a moment ago, and it dies if one is taken by then.
    const isWorthAnother = started.hasEndedByItself && options.signal?.aborted !== true
    if (attempt < ATTEMPTS && isWorthAnother) continue
    throw new AppError('temporal_start_failed', started.message, {
      status: 500,
      expose: true,
      cause: started.cause,
    })
  }
}

type FailedStart = {
  readonly message: string
  readonly hasEndedByItself: boolean
  readonly cause: unknown
}

async function attemptStart(
  options: EmbeddedTemporalOptions,
  database: string,
): Promise<EmbeddedTemporal | FailedStart> {
  const port = options.port ?? (await findFreePort())
  const uiPort = options.ui && (options.ui.port ?? (await findFreePort()))
  const log = await openServerLog(join(options.directory, 'server.log'))
  const child = spawn(options.binary, listArguments(options, { port, uiPort, database }), {
    // Ctrl-C is for the supervisor, which stops the servers last.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  const ended = waitForEnd(child)
  await log.close()
  try {
    await waitForServer({
      child,
      check: async () => await assertServing(port, options.namespace),
      timeoutMs: START_TIMEOUT_MS,
      signal: options.signal,
    })
  } catch (cause) {
    const hasEndedByItself = child.pid !== undefined && hasEnded(child)
    await stopChild(child, STOP)
    const reason = (cause as Error).message // as thrown by `waitForServer`
    const message = `Cannot start the Temporal server: ${await log.readTelling()} (${reason})`
    return { message, hasEndedByItself, cause }
  }
  return {
    address: `${LOOPBACK}:${port}`,
    uiUrl: uiPort === undefined ? undefined : `http://${LOOPBACK}:${uiPort}`,
    process: child,
    ended,
    stop: async () => await stopChild(child, STOP),
  }
}

function listArguments(
  options: EmbeddedTemporalOptions,
  place: { readonly port: number; readonly uiPort: number | undefined; readonly database: string },
): string[] {
  const args = ['server', 'start-dev', ...FIXED_ARGUMENTS]
  args.push(`--port=${place.port}`, `--namespace=${options.namespace}`, place.database)
  if (!options.ui) return [...args, '--headless']
  args.push(`--ui-ip=${LOOPBACK}`, `--ui-port=${place.uiPort}`, '--ui-disable-news-fetch')
  return [...args, `--ui-codec-endpoint=${options.ui.codecEndpoint}`]
}

async function assertServing(port: number, namespace: string): Promise<void> {
  // Cheaper than the client, which tries again for a while by itself.
  await assertListening(port)
  const address = `${LOOPBACK}:${port}`
  const client = createTemporalClient({ address, namespace, codec: PLAIN })
  try {
    await checkTemporal(client, { deadlineMs: CHECK_DEADLINE_MS })
  } finally {
    await client.close()
  }
}

// Asking whether a server is there moves no payloads.
const PLAIN = {
  encode: async <T>(payloads: T): Promise<T> => await Promise.resolve(payloads),
  decode: async <T>(payloads: T): Promise<T> => await Promise.resolve(payloads),
}
