import { spawn, type ChildProcess } from 'node:child_process'
import { getPriority, setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Env } from '../config/env.ts'
import { AppError } from '../core/errors.ts'
import {
  hasEnded,
  listProcessesWithArgument,
  stopChild,
  stopProcess,
  waitForEnd,
} from './embedded/processes.ts'
import type { RunningPart } from './keep-running.ts'
import { serviceMessage } from './service.ts'

export type ServiceProcessOptions = {
  readonly command: 'api' | 'worker'
  readonly dataDir: string
  readonly env: Env
  /** Whether `start` resolves only when the service says that it is ready. */
  readonly waitUntilReady: boolean
  /** Aborted: the start is given up. */
  readonly signal: AbortSignal
}

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))
const STDERR = 2
// A worker computes, an API answers somebody who waits: on few cores the latter goes first.
const NICENESS = { api: 0, worker: 5 } as const
const STOP = { signal: 'SIGTERM', graceMs: 6_000 } as const
// The C library would keep eight heaps a core for the threads of a process, and gives little of them
// back; what is set already counts.
const MEMORY = { MALLOC_ARENA_MAX: '2' } as const

/**
 * Starts this program's own `api` or `worker` as a child that ends when this process does, however
 * that ends. Throws `service_start_failed` with the child's reason.
 */
export async function startServiceProcess(options: ServiceProcessOptions): Promise<RunningPart> {
  const child = spawn(process.execPath, [MAIN, options.command, createMark(options.dataDir)], {
    env: { ...MEMORY, ...options.env },
    // Ctrl-C is for the supervisor, which stops its children in order.
    detached: true,
    stdio: ['ignore', STDERR, STDERR, 'ipc'],
  })
  const ended = waitForEnd(child)
  if (child.pid !== undefined) yieldTo(child.pid, NICENESS[options.command])
  if (options.waitUntilReady) await waitUntilReady(child, options)
  return { ended, stop: async () => await stopChild(child, STOP) }
}

// Threads inherit it: so early that there are hardly any. What is nicer already stays so.
function yieldTo(pid: number, niceness: number): void {
  try {
    if (getPriority(pid) < niceness) setPriority(pid, niceness)
  } catch {
    // It has ended already, or the system does not know priorities: it runs all the same.
  }
}

/** Stops services of a supervisor that was killed and that have not ended yet. */
export async function stopLeftOverServices(dataDir: string): Promise<void> {
  const pids = await listProcessesWithArgument(createMark(dataDir))
  await Promise.all(pids.map(async (pid) => await stopProcess(pid, STOP)))
}

function createMark(dataDir: string): string {
  return `--supervised=${dataDir}`
}

async function waitUntilReady(
  child: ChildProcess,
  { command, signal }: ServiceProcessOptions,
): Promise<void> {
  const reason = await new Promise<string | undefined>((done) => {
    child.on('message', (value) => {
      const message = serviceMessage.safeParse(value).data
      if (message?.type === 'ready') done(undefined)
      if (message?.type === 'failed') done(message.message)
    })
    child.once('exit', (code, killed) => done(`it ended (${killed ?? `exit code ${code}`})`))
    signal.addEventListener('abort', () => done('it was stopped'), { once: true })
    if (signal.aborted) done('it was stopped')
  })
  if (reason === undefined) return
  if (!hasEnded(child)) await stopChild(child, STOP)
  throw new AppError('service_start_failed', `Cannot start "${command}": ${reason}`, {
    status: 500,
    expose: true,
  })
}
