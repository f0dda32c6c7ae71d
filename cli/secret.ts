import { InvalidArgumentError, type Command } from 'commander'
import type { VaultConfig } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { createLogger } from '../config/log.ts'
import { createHttpClient } from '../connectors/http/client.ts'
import { AppError } from '../core/errors.ts'
import { findSecretNameFault, type SecretStore } from '../core/secret.ts'
import { createFieldCipher } from '../crypto/field-cipher.ts'
import { createSecretTable } from '../db/secrets.ts'
import { listReferredSecrets, openVault } from '../workers/secrets.ts'
import { withMigratedDatabase } from './migrated-database.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'
import { readSecretValue } from './secret-value.ts'

type Options = DataDirOption & JsonOption

/** Adds `secret set|list|remove`: the values that `{"secret": "name"}` stands for in the settings. */
export function registerSecretCommand(program: Command): void {
  const secret = program
    .command('secret')
    .description('keeps the secrets of sinks and sources, in the database or in VAULT_URL')
  const commands = [
    secret
      .command('set')
      .description('stores a value, read from standard input or asked for; never an argument')
      .argument('<name>', 'as {"secret": "name"} in SINKS_FILE or SOURCES_FILE', parseName)
      .action(runSet),
    secret
      .command('list')
      .description('the names, when each was set, and whether the settings refer to it')
      .action(runList),
    secret
      .command('remove')
      .description('removes a secret; exit code 1 when there is none of this name')
      .argument('<name>', 'the name', parseName)
      .action(runRemove),
  ]
  for (const command of commands) addJsonOption(addDataDirOption(command))
}

async function runSet(name: string, options: Options, command: Command): Promise<void> {
  const value = await readSecretValue(`Value of ${name}: `)
  if (value === '') command.error('error: no value was given on standard input', { exitCode: 2 })
  await withStore(options, async (store) => await store.set(name, value))
  createOutput(options).result({ name, stored: true }, () => {
    createOutput(options).line(`${name} is stored; workers use it within half a minute`)
  })
}

async function runList(options: Options): Promise<void> {
  const { entries, referred } = await withStore(options, async (store, names) => ({
    entries: await store.list(),
    referred: names,
  }))
  const known = entries.map(({ name }) => name)
  const missing = referred.filter((name) => !known.includes(name))
  const secrets = entries.map((entry) => ({ ...entry, used: referred.includes(entry.name) }))
  const output = createOutput(options)
  output.result({ secrets, missing }, () => {
    if (secrets.length === 0) output.line('No secrets: store one with "registrar secret set NAME"')
    else {
      const rows = secrets.map(({ name, updatedAt, used }) => [
        name,
        updatedAt.toISOString(),
        used ? 'yes' : 'no',
      ])
      output.table(['secret', 'set at', 'in the settings'], rows)
    }
    for (const name of missing) output.line(`${name} is missing: the settings refer to it`)
  })
}

async function runRemove(name: string, options: Options): Promise<void> {
  const isRemoved = await withStore(options, async (store) => await store.remove(name))
  if (!isRemoved) {
    throw new AppError('not_found', `Cannot remove secret "${name}": there is none`, {
      status: 404,
      expose: true,
    })
  }
  const output = createOutput(options)
  output.result({ name, removed: true }, () => output.line(`${name} is removed`))
}

type Work<T> = (store: SecretStore, referred: readonly string[]) => Promise<T>

async function withStore<T>(options: Options, work: Work<T>): Promise<T> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const referred = listReferredSecrets(config)
  if (config.vault)
    return await withVault(config.vault, async (store) => await work(store, referred))
  const cipher = createFieldCipher(await loadKeyRing(config))
  return await withMigratedDatabase(
    config,
    async (db) => await work(createSecretTable({ db, cipher, actor: 'cli' }), referred),
  )
}

async function withVault<T>(
  vault: VaultConfig,
  work: (store: SecretStore) => Promise<T>,
): Promise<T> {
  const log = createLogger({ level: 'warn', name: 'secret', pretty: false })
  const http = createHttpClient({ allowPrivateTargets: false, log })
  try {
    return await work(openVault(vault, http))
  } finally {
    http.close()
  }
}

function parseName(text: string): string {
  const fault = findSecretNameFault(text)
  if (fault === undefined) return text
  throw new InvalidArgumentError(`${fault}.`)
}
