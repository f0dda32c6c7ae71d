import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { findStartTime } from './embedded/processes.ts'

export type DataDirLock = { readonly release: () => Promise<void> }

type Holder = { readonly pid: number; readonly startTime: string | undefined; readonly id: string }

const FILE = 'lock'
const DIRECTORY_MODE = 0o711
const ATTEMPTS = 10

/**
 * Takes the data directory (made when absent) for this process; throws `data_dir_in_use` naming the
 * pid that has it. What a killed process left behind does not count, even where its pid is in use
 * again or is a zombie's.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true, mode: DIRECTORY_MODE })
  const file = join(dataDir, FILE)
  const own: Holder = {
    pid: process.pid,
    startTime: await findStartTime(process.pid),
    id: randomUUID(),
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await tryToTake(file, own)) return { release: async () => await release(file, own) }
    const text = await readIfThere(file)
    if (text === undefined) continue
    const holder = parseHolder(text)
    if (holder && (await isAlive(holder))) throwInUse(dataDir, holder.pid)
    await removeStale(file, text)
  }
  throw new AppError(
    'data_dir_in_use',
    `Cannot take the data directory "${dataDir}": others keep taking it; try again`,
    { status: 500, expose: true },
  )
}

/** The pid of the live process that has the data directory, if one has. */
export async function findDataDirHolder(dataDir: string): Promise<number | undefined> {
  const text = await readIfThere(join(dataDir, FILE))
  const holder = text === undefined ? undefined : parseHolder(text)
  return holder && (await isAlive(holder)) ? holder.pid : undefined
}

// A link appears with its content or not at all, and never over a file that is there.
async function tryToTake(file: string, own: Holder): Promise<boolean> {
  const draft = `${file}.${own.id}`
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (getCode(error) !== 'EEXIST') throw error
    return false
  } finally {
    await rm(draft)
  }
}

// Two processes may find the same stale lock: what was moved aside is put back if it is another's.
async function removeStale(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch (error) {
    if (getCode(error) !== 'ENOENT') throw error
    return
  }
  const moved = await readIfThere(aside)
  if (moved !== text) await link(aside, file).catch(() => {})
  await rm(aside, { force: true })
}

async function release(file: string, own: Holder): Promise<void> {
  const text = await readIfThere(file)
  if (text !== undefined && parseHolder(text)?.id === own.id) await rm(file, { force: true })
}

async function isAlive(holder: Holder): Promise<boolean> {
  const startTime = await findStartTime(holder.pid)
  return startTime !== undefined && startTime === holder.startTime
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> // only this file writes it; checked below
    if (typeof value.pid !== 'number' || typeof value.id !== 'string') return undefined
    return { pid: value.pid, startTime: value.startTime, id: value.id }
  } catch {
    return undefined
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (getCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function getCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code // fs throws these only
}

function throwInUse(dataDir: string, pid: number): never {
  throw new AppError(
    'data_dir_in_use',
    `Cannot start in "${dataDir}": process ${pid} is using it; stop that one, or choose another directory with --data-dir`,
    { status: 500, expose: true, details: { pid } },
  )
}
