import type { Config } from '../config/config.ts'
import type { Env } from '../config/env.ts'
import { createLogger } from '../config/log.ts'
import { createHttpClient } from '../connectors/http/client.ts'
import { AppError, isAppError } from '../core/errors.ts'
import { createDatabase } from '../db/client.ts'
import { listReferredSecrets } from '../workers/secrets.ts'
import { createSinks } from '../workers/sinks.ts'
import { createSources } from '../workers/sources.ts'

/**
 * Throws `invalid_configuration` with every fault of `SINKS_FILE` and `SOURCES_FILE` that can be seen
 * before anything runs; stored secrets count as there, since what keeps them may not run yet.
 */
export async function assertConnectorSettings(config: Config, env: Env): Promise<void> {
  const stored = new Map(listReferredSecrets(config).map((name) => [name, name]))
  const secrets = { env, stored }
  const log = createLogger({ level: 'silent', name: 'up', pretty: false })
  const http = createHttpClient({ allowPrivateTargets: false, log })
  // Sinks that are tables hold on to a pool; nothing connects.
  const db = createDatabase({ connectionString: '', applicationName: 'up', maxConnections: 1 })
  try {
    const failures = [
      ...listFailures(() => createSinks({ sinks: config.sinks, secrets, db, http })),
      ...listFailures(() => createSources({ sources: config.sources, secrets, http })),
    ]
    if (failures.length > 0) throwAll(failures)
  } finally {
    http.close()
    await db.end()
  }
}

function listFailures(open: () => unknown): AppError[] {
  try {
    open()
    return []
  } catch (error) {
    if (isAppError(error, 'invalid_configuration')) return [error]
    throw error
  }
}

function throwAll(failures: readonly AppError[]): never {
  throw new AppError('invalid_configuration', failures.map(({ message }) => message).join('\n'), {
    status: 500,
    expose: true,
  })
}
