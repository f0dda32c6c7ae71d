import { createHash } from 'node:crypto'
import type { RosterKind } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'

export type RosterWebhooks = {
  readonly tenant: string
  readonly secretsCipher: Buffer
  /** Null: every address. */
  readonly ipAllowlist: readonly string[] | null
  readonly version: number
}

const COLUMNS = `tenant, secrets_cipher as "secretsCipher", ip_allowlist as "ipAllowlist", version`

/** What the ciphertext of a tenant's signing secrets is bound to. */
export function rosterWebhooksContext(tenant: string): string {
  return `roster-webhooks:${tenant}`
}

/** What a tenant has set for its webhooks; undefined when nothing is. */
export async function findRosterWebhooks(
  db: Queryable,
  tenant: string,
): Promise<RosterWebhooks | undefined> {
  const { rows } = await db.query<RosterWebhooks>(
    `select ${COLUMNS} from roster_webhooks where tenant = $1::text`,
    [tenant],
  )
  return rows[0]
}

/** Writes the settings in place of those there are. */
export async function saveRosterWebhooks(
  tx: Queryable,
  settings: Omit<RosterWebhooks, 'version'>,
): Promise<RosterWebhooks> {
  const { rows } = await tx.query<RosterWebhooks>(
    `insert into roster_webhooks (tenant, secrets_cipher, ip_allowlist)
     values ($1::text, $2::bytea, $3::text[])
     on conflict (tenant) do update
       set secrets_cipher = excluded.secrets_cipher, ip_allowlist = excluded.ip_allowlist,
         version = roster_webhooks.version + 1, updated_at = clock_timestamp()
     returning ${COLUMNS}`,
    [settings.tenant, settings.secretsCipher, settings.ipAllowlist],
  )
  return rows[0] as RosterWebhooks // what was written
}

/** Remembers a message; false for one that is known. */
export async function rememberMessage(
  tx: Queryable,
  { tenant, id }: { readonly tenant: string; readonly id: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into roster_webhook_messages (tenant, id_hash) values ($1::text, $2::bytea)
     on conflict do nothing`,
    [tenant, createHash('sha256').update(id).digest()],
  )
  return rowCount === 1
}

/** Forgets messages that nobody sends again any more. */
export async function forgetMessages(db: Queryable, receivedBefore: Date): Promise<void> {
  await db.query('delete from roster_webhook_messages where received_at < $1::timestamptz', [
    receivedBefore,
  ])
}

/** The ids of a tenant's providers of one kind, in an order in which all lock them. */
export async function listProvidersOfKind(
  db: Queryable,
  { tenant, kind }: { readonly tenant: string; readonly kind: RosterKind },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from roster_providers
     where tenant = $1::text and kind = $2::text and removed_at is null order by id`,
    [tenant, kind],
  )
  return rows.map(({ id }) => id)
}
