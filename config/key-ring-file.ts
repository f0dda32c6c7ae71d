import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import {
  createKeyRing,
  generateKeyRingDocument,
  listKeyRingFaults,
  type KeyRing,
  type KeyRingDocument,
} from '../crypto/key-ring.ts'
import type { Config } from './config.ts'
import { writeOnce } from './write-once.ts'

type KeyRingConfig = Pick<Config, 'keyRing' | 'dataDir'>

const FILE = 'key-ring.json'
const DIRECTORY_MODE = 0o711

/**
 * The configured key ring, or the one in the data directory, made there (mode 0600) by whichever
 * process comes first. Throws `invalid_configuration` when the file holds no key ring.
 */
export async function loadKeyRing(config: KeyRingConfig): Promise<KeyRing> {
  const known = await findKeyRing(config)
  if (known) return known
  const file = join(config.dataDir, FILE)
  await mkdir(config.dataDir, { recursive: true, mode: DIRECTORY_MODE })
  await writeOnce(file, `${JSON.stringify(generateKeyRingDocument(), null, 2)}\n`)
  return createKeyRing((await readDocument(file)) ?? throwUnusable(file, ['is gone']))
}

/** The configured key ring, or the one in the data directory where there is one already. */
export async function findKeyRing(config: KeyRingConfig): Promise<KeyRing | undefined> {
  if (config.keyRing) return createKeyRing(config.keyRing)
  const known = await readDocument(join(config.dataDir, FILE))
  return known && createKeyRing(known)
}

async function readDocument(file: string): Promise<KeyRingDocument | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreAbsent)
  if (text === undefined) return undefined
  const value = parseJson(text)
  const faults = listKeyRingFaults(value)
  if (faults.length > 0) throwUnusable(file, faults)
  return value as KeyRingDocument // no fault was found
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
  return undefined
}

function throwUnusable(file: string, faults: readonly string[]): never {
  throw new AppError(
    'invalid_configuration',
    `Cannot use the key ring in "${file}": ${faults.join('; ')}; restore the file, or set KEY_RING_FILE`,
    { status: 500, expose: true, details: { faults } },
  )
}
