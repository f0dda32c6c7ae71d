import type { Config } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import type { Logger } from '../config/log.ts'
import { createHttpClient, type HttpClient } from '../connectors/http/client.ts'
import { createMailer, type Mailer } from '../connectors/smtp/mailer.ts'
import type { ProfileSink } from '../core/profile/sink.ts'
import { listSecretNames, type SecretStore } from '../core/secret.ts'
import type { ProfileSource } from '../core/source/source.ts'
import type { WebhookSink } from '../core/webhook/endpoint.ts'
import type { FieldCipher } from '../crypto/field-cipher.ts'
import type { Database } from '../db/client.ts'
import { listReferredSecrets, openSecretStore, readSecrets } from './secrets.ts'
import { createSinks } from './sinks.ts'
import { createSources } from './sources.ts'

/** The ways to other systems; each connects when it is first needed. */
export type Outside = {
  readonly http: HttpClient
  /** What connectors are told who asks with. */
  readonly secrets: SecretStore
  /** All sinks but webhooks, by name. */
  readonly sinks: ReadonlyMap<string, ProfileSink>
  /** What persons are pulled from, by name. */
  readonly sources: ReadonlyMap<string, ProfileSource>
  /** The sinks of kind webhook. */
  readonly webhookSinks: readonly WebhookSink[]
  /** Undefined while SMTP_URL is not set. */
  readonly mailer: Mailer | undefined
  /**
   * Reads the stored secrets again and opens anew, in the collections above, what uses one that has
   * changed; answers the names of what was. Throws, with nothing changed, where one is missing now.
   */
  readonly refreshSecrets: () => Promise<string[]>
}

export type OutsideOptions = {
  readonly config: Config
  readonly log: Logger
  /** For the sinks that are tables, and the secrets. */
  readonly db: Database
  readonly cipher: FieldCipher
}

type Opened = {
  readonly sinks: Map<string, ProfileSink>
  readonly sources: Map<string, ProfileSource>
  readonly webhookSinks: WebhookSink[]
}

type Values = ReadonlyMap<string, string>

/**
 * Opens them; throws `invalid_configuration` with every fault of `SINKS_FILE` or `SOURCES_FILE`, and
 * as the store of secrets does.
 */
export async function openOutside(options: OutsideOptions): Promise<Outside> {
  const { config, log } = options
  const http = createHttpClient({ allowPrivateTargets: config.http.allowPrivateTargets, log })
  const store = openSecretStore({ ...options, http, actor: 'worker' })
  const names = listReferredSecrets(config)
  let values = await readSecrets(store, names)
  const opened = open({ ...options, http, values })
  return {
    http,
    secrets: store,
    ...opened,
    mailer: config.mail && createMailer(config.mail),
    async refreshSecrets() {
      const now = await readSecrets(store, names)
      const changed = names.filter((name) => values.get(name) !== now.get(name))
      if (changed.length === 0) return []
      const replaced = await replace(opened, open({ ...options, http, values: now }), {
        config,
        changed,
      })
      values = now
      return replaced
    },
  }
}

/** Ends all of their connections. */
export async function closeOutside({ http, sinks, sources, mailer }: Outside): Promise<void> {
  const systems = [...sinks.values(), ...sources.values()]
  await Promise.all(systems.map(async (system) => await system.close()))
  http.close()
  mailer?.close()
}

function open({
  config,
  db,
  http,
  values,
}: OutsideOptions & { readonly http: HttpClient; readonly values: Values }): Opened {
  const secrets = { env: readEnv(), stored: values }
  const { profileSinks, webhookSinks } = createSinks({ sinks: config.sinks, secrets, db, http })
  const sources = createSources({ sources: config.sources, secrets, http })
  return {
    sinks: new Map(profileSinks),
    webhookSinks: [...webhookSinks],
    sources: new Map(sources),
  }
}

type Replacement = {
  readonly config: Config
  /** The names of the secrets that have changed. */
  readonly changed: readonly string[]
}

// Who is at work with the old one when it closes is told that the system is away, and tries again.
async function replace(
  opened: Opened,
  fresh: Opened,
  { config, changed }: Replacement,
): Promise<string[]> {
  const isConcerned = (entry: unknown): boolean =>
    listSecretNames(entry).some((name) => changed.includes(name))
  const sinks = config.sinks.filter(isConcerned).map(({ name }) => name)
  const sources = config.sources.filter(isConcerned).map(({ name }) => name)
  for (const [index, { name }] of opened.webhookSinks.entries()) {
    const sink = fresh.webhookSinks[index]
    if (sink && sinks.includes(name)) opened.webhookSinks[index] = sink
  }
  await Promise.all([
    ...sinks.map(async (name) => await exchange(opened.sinks, fresh.sinks, name)),
    ...sources.map(async (name) => await exchange(opened.sources, fresh.sources, name)),
  ])
  return [...sinks, ...sources]
}

async function exchange<T extends { readonly close: () => Promise<void> }>(
  opened: Map<string, T>,
  fresh: ReadonlyMap<string, T>,
  name: string,
): Promise<void> {
  const [before, after] = [opened.get(name), fresh.get(name)]
  if (after) opened.set(name, after)
  await before?.close()
}
