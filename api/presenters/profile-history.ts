import { z } from 'zod'
import { publisherNames } from '../../core/profile/document.ts'
import type { RecordedChange } from '../../db/profile/history.ts'

/** One change of a person as its reader sees it. */
export const recordedChangeSchema = z.object({
  serial: z.int(),
  version: z.int(),
  condition: z.enum(['create', 'update', 'delete']),
  publisher: z.enum(publisherNames),
  changed: z
    .array(z.string())
    .describe('Attributes that changed and that the token may see; `*` for a deletion'),
  beforeHash: z.string().nullable(),
  afterHash: z.string(),
  at: z.iso.datetime(),
})

/** What the documentation shows of a change. */
export const recordedChangeExample = {
  serial: 4711,
  version: 2,
  condition: 'update',
  publisher: 'hris',
  changed: ['staff_information.title'],
  beforeHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  afterHash: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
  at: '2026-03-02T14:00:00.000Z',
} as const

/** A change with those names that the reader may see. */
export function presentRecordedChange(
  change: RecordedChange,
  visible: ReadonlySet<string>,
): z.output<typeof recordedChangeSchema> {
  const { serial, version, condition, publisher, beforeHash, afterHash } = change
  const changed = change.changed.filter((name) => name === '*' || visible.has(name))
  const at = change.committedAt.toISOString()
  return { serial, version, condition, publisher, changed, beforeHash, afterHash, at }
}
