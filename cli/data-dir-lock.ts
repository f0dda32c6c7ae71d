import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { findStartTime } from './embedded/processes.ts'

export type DataDirLock = { readonly release: () => Promise<void> }

type Holder = { readonly pid: number; readonly startTime: string | undefined; readonly id: string }

const FILE = 'lock'
const DIRECTORY_MODE = 0o711
const ATTEMPTS = 10
const SUCCESSOR = '.after.'
// Stands for the id of a holder whose lock says nothing.
const UNREADABLE = 'unreadable'

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
    const text = await readIfThere(file)
    const taken =
      text === undefined ? await tryToPlace(file, own) : await tryToSucceed({ file, text, own })
    if (taken) return { release: async () => await release(file, own) }
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
async function tryToPlace(file: string, own: Holder): Promise<boolean> {
  const draft = await writeDraft(file, own)
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

type Succession = { readonly file: string; readonly text: string; readonly own: Holder }

/**
 * Follows a dead holder. Its successor is whoever places the one file named after it, so that of
 * many who find the same stale lock one wins; the winner then makes the lock its own. Somebody who
 * came too late, when that file was gone again, sees that the lock has another content by now.
 */
async function tryToSucceed({ file, text, own }: Succession): Promise<boolean> {
  const last = await findLastHolder(file, text)
  if (!(await tryToPlace(nameSuccessor(file, last), own))) return false
  if ((await readIfThere(file)) !== text) {
    await rm(nameSuccessor(file, last), { force: true })
    return false
  }
  await rename(await writeDraft(file, own), file)
  await removeSuccessors(file)
  return true
}

// A successor may have died before it made the lock its own: then it is the one to follow.
async function findLastHolder(file: string, text: string): Promise<string> {
  let next: string | undefined = text
  let last = UNREADABLE
  while (next !== undefined) {
    const holder = parseHolder(next)
    if (holder && (await isAlive(holder))) throwInUse(dirname(file), holder.pid)
    last = holder?.id ?? UNREADABLE
    next = await readIfThere(nameSuccessor(file, last))
  }
  return last
}

async function removeSuccessors(file: string): Promise<void> {
  const prefix = `${basename(file)}${SUCCESSOR}`
  for (const name of await readdir(dirname(file))) {
    if (name.startsWith(prefix)) await rm(join(dirname(file), name), { force: true })
  }
}

function nameSuccessor(file: string, id: string): string {
  return `${file}${SUCCESSOR}${id}`
}

async function writeDraft(file: string, own: Holder): Promise<string> {
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
  return draft
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
