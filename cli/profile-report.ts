import { z } from 'zod'
import { leafPaths } from '../core/profile/attributes.ts'
import { contentOf, findAttribute, type Profile } from '../core/profile/document.ts'
import type { Output } from './output.ts'

const recordedChange = z.object({
  serial: z.number(),
  version: z.number(),
  condition: z.string(),
  publisher: z.string(),
  changed: z.array(z.string()),
  beforeHash: z.string().nullable(),
  afterHash: z.string(),
  at: z.string(),
})

/** A page of `GET /v1/profiles/{profileId}/history`. */
export const historyView = z.object({
  items: z.array(recordedChange),
  next: z.string().nullable(),
})

export type RecordedChangeView = z.output<typeof recordedChange>

/** The answer of `GET /v1/profiles/{profileId}/explain`. */
export const explanationView = z.object({
  uuid: z.string(),
  version: z.number(),
  serial: z.number(),
  updatedAt: z.string(),
  deletedAt: z.string().nullable(),
  attributes: z.array(
    z.object({
      name: z.string(),
      publisher: z.string(),
      signedBy: z.string(),
      rule: z.string(),
      mayChange: z.array(z.string()),
      display: z.string().nullable(),
      verified: z.boolean(),
      serial: z.number().nullable(),
      since: z.string(),
    }),
  ),
  sinks: z.array(
    z.object({
      name: z.string(),
      serial: z.number().nullable(),
      version: z.number().nullable(),
      state: z.string(),
      attempts: z.number(),
      error: z.object({ code: z.string() }).optional(),
      why: z.string(),
    }),
  ),
})

const MAX_SHOWN = 60
const HASH_SHOWN = 12
const NONE = '–'

/** Prints the attributes of a profile that hold something. */
export function showProfile(output: Output, profile: Profile): void {
  const rows = leafPaths.flatMap((path) => {
    const attribute = findAttribute(profile, path)
    const content = attribute ? contentOf(attribute) : null
    if (!attribute || content === null) return []
    const { display, classification } = attribute.metadata
    const signer = attribute.signature.publisher.name
    return [[path, formatContent(content), signer, display ?? NONE, classification]]
  })
  output.table(['attribute', 'content', 'publisher', 'display', 'classification'], rows)
}

/** Prints the changes of a person. */
export function showHistory(output: Output, changes: readonly RecordedChangeView[]): void {
  output.table(
    ['serial', 'version', 'at', 'publisher', 'condition', 'changed', 'hash after'],
    changes.map((change) => [
      String(change.serial),
      String(change.version),
      change.at,
      change.publisher,
      change.condition,
      change.changed.join('\n') || NONE,
      change.afterHash.slice(0, HASH_SHOWN),
    ]),
  )
}

/** Prints who won each attribute and what every sink has. */
export function showExplanation(
  output: Output,
  explanation: z.output<typeof explanationView>,
): void {
  const { uuid, version, serial, deletedAt, attributes, sinks } = explanation
  const deleted = deletedAt === null ? '' : `, deleted ${deletedAt}`
  output.line(`${uuid} is at version ${version} by change ${serial}${deleted}`)
  output.table(
    ['attribute', 'publisher', 'rule', 'since', 'serial', 'may change it', 'display'],
    attributes.map((attribute) => [
      attribute.name,
      attribute.publisher,
      attribute.rule,
      attribute.since,
      formatNumber(attribute.serial),
      attribute.mayChange.join(', ') || 'nobody',
      attribute.display ?? NONE,
    ]),
  )
  if (sinks.length === 0) {
    output.line('No sink is to have it, and none is known to')
    return
  }
  output.table(
    ['sink', 'version', 'serial', 'state', 'why'],
    sinks.map((sink) => [
      sink.name,
      formatNumber(sink.version),
      formatNumber(sink.serial),
      sink.state,
      sink.why,
    ]),
  )
}

function formatContent(content: unknown): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN - 1)}…` : line
}

function formatNumber(value: number | null): string {
  return value === null ? NONE : String(value)
}
