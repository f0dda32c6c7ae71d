import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { findSecretNameFault, type SecretEntry, type SecretStore } from '../../core/secret.ts'
import { createVaultSession, parse, type VaultOptions, type VaultSession } from './session.ts'

export type VaultSecretsOptions = VaultOptions & {
  /** Of a key/value engine of version 2. */
  readonly mount: string
}

const FIELD = 'value'

const listAnswer = z.object({ data: z.object({ keys: z.array(z.string()) }) })
const readAnswer = z.object({
  data: z.object({ data: z.record(z.string(), z.unknown()).nullable() }),
})
const metadataAnswer = z.object({
  data: z.object({
    updated_time: z.string(),
    current_version: z.number(),
    versions: z.record(z.string(), z.object({ deletion_time: z.string(), destroyed: z.boolean() })),
  }),
})

/**
 * The key/value engine (version 2) of a Vault or OpenBao as a store of secrets: a secret is the field
 * `value`, or the only field, of `<mount>/data/<name>`.
 */
export function createVaultSecrets({ mount, ...options }: VaultSecretsOptions): SecretStore {
  const vault = createVaultSession(options)
  const toPath = (part: 'data' | 'metadata', name: string): string => `${mount}/${part}/${name}`
  return {
    list: async () => await listEntries(vault, mount),
    async find(name) {
      const answer = await vault.call({ method: 'GET', path: toPath('data', name) })
      if (answer === undefined) return undefined
      return pickValue(name, parse(readAnswer, answer).data.data ?? {})
    },
    async set(name, value) {
      const body = { data: { [FIELD]: value } }
      await vault.call({ method: 'POST', path: toPath('data', name), body })
    },
    async remove(name) {
      if (!(await findEntry(vault, mount, name))) return false
      await vault.call({ method: 'DELETE', path: toPath('metadata', name) })
      return true
    },
  }
}

async function listEntries(vault: VaultSession, mount: string): Promise<SecretEntry[]> {
  const answer = await vault.call({ method: 'GET', path: `${mount}/metadata/?list=true` })
  if (answer === undefined) return []
  // What else is kept there, in folders or by names that settings cannot give, is not ours.
  const names = parse(listAnswer, answer).data.keys.filter(
    (name) => findSecretNameFault(name) === undefined,
  )
  const entries = await Promise.all(
    names.toSorted().map(async (name) => await findEntry(vault, mount, name)),
  )
  return entries.filter((entry) => entry !== undefined)
}

async function findEntry(
  vault: VaultSession,
  mount: string,
  name: string,
): Promise<SecretEntry | undefined> {
  const answer = await vault.call({ method: 'GET', path: `${mount}/metadata/${name}` })
  if (answer === undefined) return undefined
  const { data } = parse(metadataAnswer, answer)
  const current = data.versions[String(data.current_version)]
  if (!current || current.destroyed || current.deletion_time !== '') return undefined
  return { name, updatedAt: new Date(data.updated_time) }
}

function pickValue(name: string, fields: Readonly<Record<string, unknown>>): string {
  const values = Object.values(fields)
  const value = fields[FIELD] ?? (values.length === 1 ? values[0] : undefined)
  if (typeof value === 'string' && value !== '') return value
  throw new AppError(
    'secret_unreadable',
    `Cannot read secret "${name}": it has no text in the field "${FIELD}"`,
    { status: 500, expose: true },
  )
}
