import type { Config } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import type { Logger } from '../config/log.ts'
import { createHttpClient, type HttpClient } from '../connectors/http/client.ts'
import type { ProfileSink } from '../core/profile/sink.ts'
import type { ProfileSource } from '../core/source/source.ts'
import type { Database } from '../db/client.ts'
import { createSinks } from './sinks.ts'
import { createSources } from './sources.ts'

/** The ways to other systems; each connects when it is first needed. */
export type Outside = {
  readonly http: HttpClient
  /** By name. */
  readonly sinks: ReadonlyMap<string, ProfileSink>
  /** What persons are pulled from, by name. */
  readonly sources: ReadonlyMap<string, ProfileSource>
}

export type OutsideOptions = {
  readonly config: Config
  readonly log: Logger
  /** For the sinks that are tables. */
  readonly db: Database
}

/** Opens them; throws `invalid_configuration` with every fault of `SINKS_FILE` or `SOURCES_FILE`. */
export function openOutside({ config, log, db }: OutsideOptions): Outside {
  const http = createHttpClient({ allowPrivateTargets: config.http.allowPrivateTargets, log })
  const env = readEnv()
  return {
    http,
    sinks: createSinks({ sinks: config.sinks, env, db, http }),
    sources: createSources({ sources: config.sources, env, http }),
  }
}

/** Ends all of their connections. */
export async function closeOutside({ http, sinks, sources }: Outside): Promise<void> {
  const systems = [...sinks.values(), ...sources.values()]
  await Promise.all(systems.map(async (system) => await system.close()))
  http.close()
}
