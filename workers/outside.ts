import type { Config } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import type { Logger } from '../config/log.ts'
import { createHttpClient, type HttpClient } from '../connectors/http/client.ts'
import { createMailer, type Mailer } from '../connectors/smtp/mailer.ts'
import type { ProfileSink } from '../core/profile/sink.ts'
import type { ProfileSource } from '../core/source/source.ts'
import type { WebhookSink } from '../core/webhook/endpoint.ts'
import type { Database } from '../db/client.ts'
import { createSinks } from './sinks.ts'
import { createSources } from './sources.ts'

/** The ways to other systems; each connects when it is first needed. */
export type Outside = {
  readonly http: HttpClient
  /** All sinks but webhooks, by name. */
  readonly sinks: ReadonlyMap<string, ProfileSink>
  /** What persons are pulled from, by name. */
  readonly sources: ReadonlyMap<string, ProfileSource>
  /** The sinks of kind webhook. */
  readonly webhookSinks: readonly WebhookSink[]
  /** Undefined while SMTP_URL is not set. */
  readonly mailer: Mailer | undefined
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
  const { profileSinks, webhookSinks } = createSinks({ sinks: config.sinks, env, db, http })
  return {
    http,
    sinks: profileSinks,
    webhookSinks,
    sources: createSources({ sources: config.sources, env, http }),
    mailer: config.mail && createMailer(config.mail),
  }
}

/** Ends all of their connections. */
export async function closeOutside({ http, sinks, sources, mailer }: Outside): Promise<void> {
  const systems = [...sinks.values(), ...sources.values()]
  await Promise.all(systems.map(async (system) => await system.close()))
  http.close()
  mailer?.close()
}
