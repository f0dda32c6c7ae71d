import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { AppError, isAppError } from '../core/errors.ts'
import { lockDataDir, type DataDirLock } from './data-dir-lock.ts'
import { startEmbeddedPostgres } from './embedded/postgres.ts'
import { waitForDatabase } from './outside-database.ts'
import { findRunFile } from './run-file.ts'

const START_PATIENCE_MS = 30_000
const POLL_MS = 200

/**
 * Runs `work` with the URL of the database that this machine's commands work on: the configured
 * one, else the embedded one, which is started for as long as `work` takes when no `up` runs here.
 */
export async function withLocalDatabase<T>(
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
  work: (databaseUrl: string) => Promise<T>,
): Promise<T> {
  if (config.databaseUrl !== undefined) {
    await waitForDatabase(config.databaseUrl)
    return await work(config.databaseUrl)
  }
  const lock = await tryToLock(config.dataDir)
  if (!lock) return await work(await getRunningUrl(config.dataDir))
  try {
    const server = await startEmbeddedPostgres({ directory: join(config.dataDir, 'postgres') })
    try {
      return await work(server.url)
    } finally {
      await server.stop()
    }
  } finally {
    await lock.release()
  }
}

async function tryToLock(dataDir: string): Promise<DataDirLock | undefined> {
  try {
    return await lockDataDir(dataDir)
  } catch (error) {
    if (isAppError(error, 'data_dir_in_use')) return undefined
    throw error
  }
}

// An `up` that has just begun writes its file when its API listens.
async function getRunningUrl(dataDir: string): Promise<string> {
  const deadline = Date.now() + START_PATIENCE_MS
  for (;;) {
    const run = await findRunFile(dataDir)
    if (run) return run.databaseUrl
    if (Date.now() > deadline) {
      throw new AppError(
        'not_running',
        `Cannot find the database in "${dataDir}": another process is using the directory and says nothing of its database; try again when it is done`,
        { status: 500, expose: true },
      )
    }
    await delay(POLL_MS)
  }
}
