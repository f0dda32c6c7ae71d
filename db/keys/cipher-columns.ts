import { ssnContext } from '../license/ssn-key.ts'
import { rosterWebhooksContext } from '../roster/webhooks.ts'
import { secretContext } from '../secrets.ts'
import { rowContext } from '../upload-faults.ts'
import { payloadContext } from '../upload-receipt.ts'
import { secretsContext } from '../webhook/endpoints.ts'

/** The text of a row's key columns, by name. */
export type RowKey = Readonly<Record<string, string>>

/** A column of field ciphers that moves to a new key when the ring is rotated. */
export type CipherColumn = {
  /** How operators call its values. */
  readonly name: string
  readonly table: string
  readonly column: string
  /** The primary key's columns, in its order, with their types. */
  readonly key: readonly { readonly name: string; readonly type: string }[]
  readonly toContext: (key: RowKey) => string
}

/** Every stored column of field ciphers; data keys and seals are looked after by themselves. */
export const cipherColumns: readonly CipherColumn[] = [
  {
    name: 'ssns',
    table: 'provider_ssns',
    column: 'ssn_cipher',
    key: [
      { name: 'compact', type: 'text' },
      { name: 'ssn_hash', type: 'bytea' },
    ],
    toContext: (key) => ssnContext(key['compact'] ?? ''),
  },
  {
    name: 'uploadRows',
    table: 'upload_faults',
    column: 'row_cipher',
    key: [
      { name: 'upload_id', type: 'uuid' },
      { name: 'record', type: 'bigint' },
      { name: 'kind', type: 'text' },
    ],
    toContext: (key) => rowContext(key['upload_id'] ?? '', Number(key['record'])),
  },
  {
    name: 'uploadPayloads',
    table: 'upload_payloads',
    column: 'ciphertext',
    key: [{ name: 'upload_id', type: 'uuid' }],
    toContext: (key) => payloadContext(key['upload_id'] ?? ''),
  },
  {
    name: 'webhookSecrets',
    table: 'webhook_endpoints',
    column: 'secrets_cipher',
    key: [{ name: 'id', type: 'uuid' }],
    toContext: (key) => secretsContext(key['id'] ?? ''),
  },
  {
    name: 'connectorSecrets',
    table: 'connector_secrets',
    column: 'value_cipher',
    key: [{ name: 'name', type: 'text' }],
    toContext: (key) => secretContext(key['name'] ?? ''),
  },
  {
    name: 'rosterWebhookSecrets',
    table: 'roster_webhooks',
    column: 'secrets_cipher',
    key: [{ name: 'tenant', type: 'text' }],
    toContext: (key) => rosterWebhooksContext(key['tenant'] ?? ''),
  },
]
