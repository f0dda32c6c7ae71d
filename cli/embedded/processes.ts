import { execFile, type ChildProcess } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)
const POLL_MS = 25
// Fields of /proc/<pid>/stat counted from the state, which follows the name in parentheses (proc(5)).
const START_TIME_FIELD = 19

export type StopOptions = {
  readonly signal: NodeJS.Signals
  /** After this long without an end it is killed with -9. */
  readonly graceMs: number
}

/**
 * When a live process started, in a form only good for comparing; undefined for one that is gone
 * or a zombie. With the pid it names a process for good: pids are used again, start times are not.
 */
export async function findStartTime(pid: number): Promise<string | undefined> {
  if (await hasProc()) return await findStartTimeInProc(pid)
  const { stdout } = await runPs(['-o', 'stat=,lstart=', '-p', String(pid)])
  const [, state = 'Z', started] = /^\s*(\S+)\s+(.+?)\s*$/m.exec(stdout) ?? []
  return state.startsWith('Z') ? undefined : started
}

/** The live processes (zombies and this one left out) whose command line holds exactly this argument. */
export async function listProcessesWithArgument(argument: string): Promise<number[]> {
  const found = (await hasProc())
    ? await findInProc(async (folder) => {
        const line = await readFile(join(folder, 'cmdline'), 'utf8')
        return line.split('\0').includes(argument)
      })
    : await listWithPs(argument)
  return await keepAlive(found)
}

/** The live processes that work in this folder; undefined where the system does not tell. */
export async function listProcessesIn(directory: string): Promise<number[] | undefined> {
  if (!(await hasProc())) return undefined
  const found = await findInProc(
    async (folder) => (await readlink(join(folder, 'cwd'))) === directory,
  )
  return await keepAlive(found)
}

/** Asks a process to end and kills it when it does not; resolves when it is gone. */
export async function stopProcess(pid: number, options: StopOptions): Promise<void> {
  const started = await findStartTime(pid)
  const isThere = async (): Promise<boolean> =>
    started !== undefined && (await findStartTime(pid)) === started
  sendSignal(pid, options.signal)
  const deadline = Date.now() + options.graceMs
  while (await isThere()) {
    if (Date.now() > deadline) sendSignal(pid, 'SIGKILL')
    await delay(POLL_MS)
  }
}

/** The same for a child of ours; one that has ended already is fine. */
export async function stopChild(child: ChildProcess, options: StopOptions): Promise<void> {
  if (hasEnded(child)) return
  const ended = new Promise((done) => child.once('exit', done))
  child.kill(options.signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), options.graceMs)
  await ended
  clearTimeout(timer)
}

/** Resolves when a child that was just spawned has exited, or could not be started at all. */
export async function waitForEnd(child: ChildProcess): Promise<void> {
  await new Promise<void>((done) => {
    child.once('exit', () => done())
    child.once('error', () => done())
  })
}

/** True when the child has exited, or was never started. */
export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
}

async function hasProc(): Promise<boolean> {
  return await readFile('/proc/self/stat').then(
    () => true,
    () => false,
  )
}

async function findStartTimeInProc(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  // The name may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  if (state === 'Z' || state === 'X') return undefined
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  return `${boot.trim()}/${fields[START_TIME_FIELD]}`
}

async function findInProc(isWanted: (folder: string) => Promise<boolean>): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const wanted = await Promise.all(
    // Processes end while we look.
    pids.map(async (pid) => await isWanted(join('/proc', pid)).catch(() => false)),
  )
  return pids.filter((_, index) => wanted[index]).map(Number)
}

async function keepAlive(pids: readonly number[]): Promise<number[]> {
  const alive = await Promise.all(pids.map(findStartTime))
  return pids.filter((pid, index) => pid !== process.pid && alive[index] !== undefined)
}

async function listWithPs(argument: string): Promise<number[]> {
  const { stdout } = await runPs(['-axww', '-o', 'pid=,command='])
  return stdout.split('\n').flatMap((line) => {
    const [, pid, command = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    return pid !== undefined && ` ${command} `.includes(` ${argument} `) ? [Number(pid)] : []
  })
}

// `ps` exits with 1 when nothing matches.
async function runPs(args: readonly string[]): Promise<{ stdout: string }> {
  return await execFileAsync('ps', [...args]).catch(() => ({ stdout: '' }))
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // kill throws these only
  }
}
