import type { Config, VaultConfig } from '../config/config.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import { createVaultSecrets } from '../connectors/vault/secret-store.ts'
import { findSecretNameFault, listSecretNames, type SecretStore } from '../core/secret.ts'
import type { FieldCipher } from '../crypto/field-cipher.ts'
import type { Database } from '../db/client.ts'
import { createSecretTable } from '../db/secrets.ts'

export type SecretsOptions = {
  readonly config: Pick<Config, 'vault'>
  readonly http: HttpClient
  readonly db: Database
  readonly cipher: FieldCipher
  /** Who sets and removes, for the audit log. */
  readonly actor: string
}

/** The configured store of connectors' secrets: a Vault, else the encrypted table. */
export function openSecretStore(options: SecretsOptions): SecretStore {
  const { config, http, db, cipher, actor } = options
  return config.vault ? openVault(config.vault, http) : createSecretTable({ db, cipher, actor })
}

/** The store in a Vault, which keeps its own records of who did what. */
export function openVault(vault: VaultConfig, http: HttpClient): SecretStore {
  return createVaultSecrets({ ...vault, http, nowMs: () => Date.now() })
}

/** The names of all secrets that sinks and sources refer to. */
export function listReferredSecrets({
  sinks,
  sources,
}: Pick<Config, 'sinks' | 'sources'>): string[] {
  return listSecretNames([sinks, sources])
}

/** The values of those of these secrets that are stored. */
export async function readSecrets(
  store: SecretStore,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const possible = names.filter((name) => findSecretNameFault(name) === undefined)
  const values = await Promise.all(
    possible.map(async (name) => [name, await store.find(name)] as const),
  )
  return new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}
