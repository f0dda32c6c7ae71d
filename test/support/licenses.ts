import { createHash, randomUUID } from 'node:crypto'
import { foldName } from '../../core/license/fold-name.ts'
import type { Queryable } from '../../db/client.ts'
import { licenseColumns } from '../../db/license/columns.ts'

/** A license to be put into the tables as an ingest would have left it; every field has a default. */
export type LicenseSeed = {
  readonly providerId?: string
  readonly compact?: string
  readonly jurisdiction?: string
  readonly licenseType?: string
  /** Board-owned columns by their name in SQL; null clears an optional one. */
  readonly board?: Readonly<Record<string, string | null>>
  readonly ssn?: string
  readonly ssnCipher?: Buffer
  readonly homeJurisdiction?: string
  readonly encumbranceStatus?: string
  readonly investigationStatus?: string
  readonly createdAt?: Date
  readonly updatedAt?: Date
}

const defaultBoard: Readonly<Record<string, string | null>> = {
  npi: '1234567893',
  license_number: 'A-1',
  license_status: 'active',
  license_status_name: null,
  compact_eligibility: 'eligible',
  given_name: 'Björk',
  middle_name: null,
  family_name: 'Guðmundsdóttir',
  suffix: null,
  date_of_issuance: '2010-06-06',
  date_of_renewal: null,
  date_of_expiration: '2999-04-04',
  date_of_birth: '1985-06-06',
  home_address_street1: '123 Canary Street',
  home_address_street2: null,
  home_address_city: 'Columbus',
  home_address_state: 'oh',
  home_address_postal_code: '43004',
  email_address: 'bjork@example.com',
  phone_number: '+13213214321',
}

/** Inserts a license, and its provider and SSN unless they are there, and returns the provider's id. */
export async function insertLicense(db: Queryable, seed: LicenseSeed = {}): Promise<string> {
  const providerId = seed.providerId ?? randomUUID()
  const board = { ...defaultBoard, ...seed.board }
  const keys = {
    family_name_key: board['family_name_key'] ?? foldName(board['family_name'] ?? ''),
    given_name_key: board['given_name_key'] ?? foldName(board['given_name'] ?? ''),
  }
  const row = {
    compact: seed.compact ?? 'aslp',
    jurisdiction: seed.jurisdiction ?? 'oh',
    licenseType: seed.licenseType ?? 'audiologist',
    createdAt: seed.createdAt ?? new Date('2020-01-01T00:00:00Z'),
    updatedAt: seed.updatedAt ?? seed.createdAt ?? new Date('2020-01-01T00:00:00Z'),
  }
  await insertSsn(db, { ...seed, providerId, compact: row.compact })
  const values: Record<string, unknown> = { ...board, ...keys, content_hash: Buffer.alloc(16) }
  const columns = ['provider_id', 'compact', 'jurisdiction', 'license_type', ...licenseColumns]
  const parameters = columns.map((_, index) => `$${index + 1}`).join(', ')
  await db.query(
    `insert into licenses (${columns.join(', ')}, upload_id, upload_record, upload_sequence,
       created_at, updated_at, encumbrance_status, investigation_status)
     values (${parameters}, gen_random_uuid(), 1, 1, $${columns.length + 1}, $${columns.length + 2},
       $${columns.length + 3}, $${columns.length + 4})`,
    [
      providerId,
      row.compact,
      row.jurisdiction,
      row.licenseType,
      ...licenseColumns.map((name) => values[name] ?? null),
      row.createdAt,
      row.updatedAt,
      seed.encumbranceStatus ?? null,
      seed.investigationStatus ?? null,
    ],
  )
  await db.query(
    `insert into providers (provider_id, compact, license_jurisdiction, license_type,
       family_name_key, given_name_key, jurisdictions, home_jurisdiction, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, array[$3], $7, $8, $9)
     on conflict (provider_id) do update
     set jurisdictions = providers.jurisdictions || excluded.jurisdictions`,
    [
      providerId,
      row.compact,
      row.jurisdiction,
      row.licenseType,
      keys.family_name_key,
      keys.given_name_key,
      seed.homeJurisdiction ?? null,
      row.createdAt,
      row.updatedAt,
    ],
  )
  return providerId
}

async function insertSsn(
  db: Queryable,
  seed: LicenseSeed & { readonly providerId: string; readonly compact: string },
): Promise<void> {
  const ssn = seed.ssn ?? '123-45-6789'
  await db.query(
    `insert into provider_ssns
       (compact, ssn_hash, provider_id, ssn_cipher, last_four, upload_id, upload_record)
     values ($1, $2, $3, $4, $5, gen_random_uuid(), 1)
     on conflict (provider_id) do nothing`,
    [
      seed.compact,
      createHash('sha256').update(seed.providerId).digest().subarray(0, 16),
      seed.providerId,
      seed.ssnCipher ?? Buffer.from('not a cipher'),
      ssn.slice(-4),
    ],
  )
}

/** A change of a license to be put into its history. */
export type ChangeSeed = {
  readonly providerId: string
  readonly jurisdiction?: string
  readonly licenseType?: string
  readonly updateType?: 'deactivation' | 'renewal' | 'other'
  readonly previous: Readonly<Record<string, string>>
  readonly updatedValues?: Readonly<Record<string, string>>
  readonly removedValues?: readonly string[]
  readonly effectiveDate: Date
}

/** Inserts a history row as an ingest would have. */
export async function insertChange(db: Queryable, seed: ChangeSeed): Promise<void> {
  await db.query(
    `insert into license_history (provider_id, compact, jurisdiction, license_type, update_type,
       previous, updated_values, removed_values, effective_date, upload_id, actor)
     values ($1, 'aslp', $2, $3, $4, $5, $6, $7, $8, gen_random_uuid(), 'board-clerk')`,
    [
      seed.providerId,
      seed.jurisdiction ?? 'oh',
      seed.licenseType ?? 'audiologist',
      seed.updateType ?? 'other',
      seed.previous,
      seed.updatedValues ?? {},
      seed.removedValues ?? [],
      seed.effectiveDate,
    ],
  )
}

export type PrivilegeSeed = {
  readonly providerId: string
  readonly jurisdiction: string
}

/** Inserts a privilege that rests on the provider's license of Ohio. */
export async function insertPrivilege(db: Queryable, seed: PrivilegeSeed): Promise<void> {
  await db.query(
    `insert into privileges (privilege_id, compact, provider_id, jurisdiction,
       license_jurisdiction, license_type, date_of_issuance, date_of_renewal, date_of_expiration,
       encumbrance_status)
     values ('AUD-' || upper($2::text) || '-' || left($1::text, 8), 'aslp', $1::uuid, $2::text,
       'oh', 'audiologist', now(), now(), '2999-04-04', 'unencumbered')`,
    [seed.providerId, seed.jurisdiction],
  )
}
