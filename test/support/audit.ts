import type { AuditRecord } from '../../core/audit/record.ts'
import { importSealKeys } from '../../crypto/audit-keys.ts'
import {
  verifyAuditLog,
  type AuditVerdict,
  type UnreadableLine,
} from '../../crypto/audit-verify.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import { appendAudit, type AuditEntry } from '../../db/audit.ts'
import { listSealKeys } from '../../db/audit/keys.ts'
import { readAuditLog } from '../../db/audit/log.ts'
import type { Database, Queryable } from '../../db/client.ts'

/** An entry with something that needs escaping in every place. */
export function sampleAuditEntry(index: number): AuditEntry {
  return {
    actor: `board-${index} "Zoë"`,
    action: index % 2 === 0 ? 'license.created' : 'license.updated',
    subject: { type: 'license', id: `p-${index}\n\u0001` },
    ...(index % 3 > 0 && { before: Buffer.alloc(32, index) }),
    ...(index % 3 < 2 && { after: Buffer.alloc(16, index + 1) }),
    cause: { requestId: `r-${index}`, uploadId: 'ü\u2028', record: index, a: '\\' },
  }
}

/** Appends `count` sample entries. */
export async function appendSampleEntries(db: Queryable, count: number): Promise<void> {
  await appendAudit(
    db,
    Array.from({ length: count }, (_, index) => sampleAuditEntry(index)),
  )
}

/** Verifies the log of a database as `audit verify` does. */
export async function verifyDatabase(db: Database, ring: KeyRing): Promise<AuditVerdict> {
  const keys = importSealKeys(await listSealKeys(db, ring))
  const records = readAuditLog(db, { includeUnsealed: true })
  return await verifyAuditLog(records, { keys, allowUnsealed: true })
}

/** The whole log in memory. */
export async function collectLog(db: Database): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  for await (const record of readAuditLog(db, { includeUnsealed: true })) records.push(record)
  return records
}

/** A stream of what is already there. */
export async function* streamOf<T extends AuditRecord | UnreadableLine>(
  items: Iterable<T>,
): AsyncGenerator<T, void, undefined> {
  yield* items
}
