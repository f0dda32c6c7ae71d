import { createHash } from 'node:crypto'
import type { AuditLogEntry } from '../core/audit/record.ts'

/** The 32-byte digest that a seal keeps of an entry; the database computes the same in `audit_digest`. */
export function digestAuditEntry(entry: AuditLogEntry): Buffer {
  const { seq, at, actor, action, subject, before, after, cause } = entry
  const fields = [seq, at, actor, action, subject.type, subject.id, before ?? null, after ?? null]
  const text = [...fields, cause].map(serializeJsonb).join(', ')
  return createHash('sha256').update(`[${text}]`).digest()
}

// The text that PostgreSQL gives a jsonb value: keys by length, then by bytes; ", " and ": " between.
function serializeJsonb(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(serializeJsonb).join(', ')}]`
  const members = Object.entries(value)
    .toSorted(([one], [other]) => compareKeys(one, other))
    .map(([key, member]) => `${JSON.stringify(key)}: ${serializeJsonb(member)}`)
  return `{${members.join(', ')}}`
}

function compareKeys(one: string, other: string): number {
  const oneBytes = Buffer.from(one)
  const otherBytes = Buffer.from(other)
  return oneBytes.length - otherBytes.length || oneBytes.compare(otherBytes)
}
