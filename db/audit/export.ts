import type { AuditRecord } from '../../core/audit/record.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { Database } from '../client.ts'
import { readAuditLog } from './log.ts'
import { sealAudit } from './sealer.ts'

// Open transactions hold entries for a second or two; what they hold for longer waits for the next export.
const SEAL_TIMEOUT_MS = 5_000

/** Seals what was committed before the call, then streams the log as far as it is sealed. */
export async function* exportAuditLog(
  db: Database,
  ring: KeyRing,
): AsyncGenerator<AuditRecord, void, undefined> {
  await sealAudit(db, { ring, timeoutMs: SEAL_TIMEOUT_MS })
  yield* readAuditLog(db, { includeUnsealed: false })
}
