import type { SecretEntry, SecretStore } from '../core/secret.ts'
import type { FieldCipher } from '../crypto/field-cipher.ts'
import { appendAudit, type AuditCause } from './audit.ts'
import { withTransaction, type Database, type Queryable } from './client.ts'

export type SecretTableOptions = {
  readonly db: Database
  readonly cipher: FieldCipher
  /** Who sets and removes, for the audit log. */
  readonly actor: string
  /** Said in every entry. */
  readonly cause?: AuditCause
}

/** What the value of a secret is bound to. */
export function secretContext(name: string): string {
  return `connector-secret:${name}`
}

/** The encrypted table as a store of secrets; every change of it is audited, by name alone. */
export function createSecretTable(options: SecretTableOptions): SecretStore {
  const { db, cipher, actor, cause = {} } = options
  const record = async (tx: Queryable, action: string, name: string): Promise<void> =>
    await appendAudit(tx, [{ actor, action, subject: { type: 'secret', id: name }, cause }])
  return {
    list: async () => await listSecrets(db),
    async find(name) {
      const stored = await findCipher(db, name)
      return stored && cipher.decrypt(stored, secretContext(name)).toString('utf8')
    },
    async set(name, value) {
      await withTransaction(db, async (tx) => {
        await saveCipher(tx, name, cipher.encrypt(value, secretContext(name)))
        await record(tx, 'secret.set', name)
      })
    },
    async remove(name) {
      return await withTransaction(db, async (tx) => {
        const isRemoved = await deleteSecret(tx, name)
        if (isRemoved) await record(tx, 'secret.removed', name)
        return isRemoved
      })
    },
  }
}

async function listSecrets(db: Queryable): Promise<SecretEntry[]> {
  const { rows } = await db.query<SecretEntry>(
    'select name, updated_at as "updatedAt" from connector_secrets order by name collate "C"',
  )
  return rows
}

async function findCipher(db: Queryable, name: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ cipher: Buffer }>(
    'select value_cipher as cipher from connector_secrets where name = $1::text',
    [name],
  )
  return rows[0]?.cipher
}

async function saveCipher(tx: Queryable, name: string, cipher: Uint8Array): Promise<void> {
  await tx.query(
    `insert into connector_secrets (name, value_cipher) values ($1::text, $2::bytea)
     on conflict (name) do update
        set value_cipher = excluded.value_cipher, updated_at = clock_timestamp()`,
    [name, cipher],
  )
}

async function deleteSecret(tx: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from connector_secrets where name = $1::text', [name])
  return rowCount === 1
}
