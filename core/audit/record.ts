import { z } from 'zod'

const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/)
const sequence = z.int().positive()

const entrySchema = z.strictObject({
  kind: z.literal('entry'),
  seq: sequence,
  /** UTC with microseconds. */
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  subject: z.strictObject({ type: z.string(), id: z.string() }),
  before: hex.optional(),
  after: hex.optional(),
  cause: z.record(z.string(), z.unknown()),
})

const sealSchema = z.strictObject({
  kind: z.literal('seal'),
  from: sequence,
  to: sequence,
  /** How many entries it covers. */
  entries: z.int().positive(),
  at: z.string(),
  /** SHA-256 of the entries' digests in order. */
  digest: hex,
  /** In base64: per entry its seq (8 bytes, big-endian) and the first 8 bytes of its digest. */
  leaves: z.string(),
  /** The hash of the seal before; zeros for the first. */
  previous: hex,
  hash: hex,
  kid: z.string(),
  /** In base64: Ed25519 over the bytes of `hash`. */
  signature: z.string(),
})

const recordSchema = z.discriminatedUnion('kind', [entrySchema, sealSchema])

/** One effect, as listed and exported: `before` and `after` are hashes in hex. */
export type AuditLogEntry = z.infer<typeof entrySchema>

/** A signed statement on the entries from seq `from` to `to`. */
export type AuditSeal = z.infer<typeof sealSchema>

/** What is signed of a seal. */
export type SealStatement = Omit<AuditSeal, 'kind' | 'hash' | 'kid' | 'signature'>

export type AuditRecord = AuditLogEntry | AuditSeal

/** Reads one line of an export; undefined when it is no audit record. */
export function parseAuditLine(line: string): AuditRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

/** The line of an export (without its line feed) for a record. */
export function formatAuditLine(record: AuditRecord): string {
  return JSON.stringify(record)
}
