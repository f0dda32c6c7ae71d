import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import {
  createPublishers,
  generatePublishersDocument,
  listPublishersFaults,
  type Publishers,
  type PublishersDocument,
} from '../crypto/publishers.ts'
import type { Config } from './config.ts'
import type { Logger } from './log.ts'
import { writeOnce } from './write-once.ts'

/** The publishers as their file has them now. */
export type WatchedPublishers = {
  /** Throws `publishers_not_configured` (503) in production without `PUBLISHERS_FILE`. */
  readonly current: () => Promise<Publishers>
  readonly close: () => void
}

const FILE = 'publishers.json'
const DIRECTORY_MODE = 0o711
const LOOK_EVERY_MS = 2_000

/**
 * Reads `PUBLISHERS_FILE`, and again when it changes: a file that turns bad is refused with a log
 * line, as is one with another salt, and the publishers stay as they were. Without it they are in the data directory, made when
 * they are first asked for by whichever process comes first. Throws `invalid_configuration` for a
 * file that is bad at first.
 */
export async function watchPublishers(
  config: Pick<Config, 'publishersFile' | 'dataDir' | 'production'>,
  log: Logger,
): Promise<WatchedPublishers> {
  const { publishersFile, dataDir, production } = config
  if (publishersFile !== undefined) return await watchFile(publishersFile, log)
  if (production) return createMissing()
  let made: Promise<WatchedPublishers> | undefined
  const make = async (): Promise<WatchedPublishers> => await watchFile(await makeFile(dataDir), log)
  return {
    async current() {
      made ??= make()
      // What could not be made now is tried again by the next who asks.
      made.catch(() => (made = undefined))
      return await (await made).current()
    },
    close: () => void made?.then((watched) => watched.close()).catch(() => {}),
  }
}

async function watchFile(file: string, log: Logger): Promise<WatchedPublishers> {
  let text = await readFile(file, 'utf8')
  let publishers = parse(text, file)
  const look = async (): Promise<void> => {
    try {
      const now = await readFile(file, 'utf8')
      if (now === text) return
      text = now
      publishers = parseAgain(now, file, publishers.salt)
      log.info('publishers read again')
    } catch (error) {
      const reason = error instanceof AppError ? error.message : 'the file cannot be read'
      log.error({ reason }, 'publishers not read again: the ones before stay')
    }
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  timer.unref()
  return {
    current: async () => await Promise.resolve(publishers),
    close: () => clearInterval(timer),
  }
}

async function makeFile(dataDir: string): Promise<string> {
  const file = join(dataDir, FILE)
  try {
    await readFile(file)
  } catch {
    await mkdir(dataDir, { recursive: true, mode: DIRECTORY_MODE })
    await writeOnce(file, `${JSON.stringify(await generatePublishersDocument(), null, 2)}\n`)
  }
  return file
}

function parse(text: string, file: string): Publishers {
  const document = parseJson(text)
  const faults = listPublishersFaults(document)
  if (faults.length === 0) return createPublishers(document as PublishersDocument) // no fault found
  throw new AppError(
    'invalid_configuration',
    `Cannot use the publishers in "${file}": it ${faults.join('; it ')}`,
    { status: 500, expose: true, details: { faults } },
  )
}

// Of another salt everybody who comes from now on would have another uuid, by a slip of the pen.
function parseAgain(text: string, file: string, salt: string): Publishers {
  const publishers = parse(text, file)
  if (publishers.salt === salt) return publishers
  throw new AppError(
    'invalid_configuration',
    `Cannot use the publishers in "${file}": it has another salt than before, which must never change`,
    { status: 500, expose: true },
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

// A salt made on one machine of several would give one person many uuids.
function createMissing(): WatchedPublishers {
  return {
    async current() {
      const error = new AppError(
        'publishers_not_configured',
        'Cannot take changes of profiles: set PUBLISHERS_FILE, with the salt and the keys of publishers',
        { status: 503, expose: true },
      )
      return await Promise.reject(error)
    },
    close: () => {},
  }
}
