import { z } from 'zod'
import type { AuditLogEntry } from '../../core/audit/record.ts'

/** An entry of the audit log as it leaves; `before` and `after` are hashes in hex. */
export const auditEntrySchema = z.object({
  seq: z.int(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  subject: z.object({ type: z.string(), id: z.string() }),
  before: z.string().optional(),
  after: z.string().optional(),
  cause: z.record(z.string(), z.unknown()),
})

export const auditEntryExample = {
  seq: 41,
  at: '2025-03-04T12:00:00.000000Z',
  actor: 'al-board',
  action: 'upload.received',
  subject: { type: 'upload', id: '0195f0b4-7c1e-7d5e-9a34-5b1f6c2d8e90' },
  cause: { requestId: '4f9d2c1e' },
}

/** Lists the fields of an entry that leave. */
export function presentAuditEntry(entry: AuditLogEntry): z.infer<typeof auditEntrySchema> {
  const { seq, at, actor, action, subject, before, after, cause } = entry
  return {
    seq,
    at,
    actor,
    action,
    subject: { type: subject.type, id: subject.id },
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    cause,
  }
}
