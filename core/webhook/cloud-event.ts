/** Something that happened, as it was recorded with its cause. */
export type RecordedEvent = {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly data: Readonly<Record<string, unknown>>
  readonly requestId: string
  readonly occurredAt: Date
  /** Of the upload, rollback or sync behind it, if that belongs to one. */
  readonly tenant: string | null
}

/** Who subscribed, as far as it decides what they may hear. */
export type Listener = {
  readonly scopes: ReadonlySet<string>
  readonly tenant: string | undefined
}

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json'

/** A CloudEvent 1.0 in the structured mode of its JSON format; `source` is the place it is from. */
export function formatCloudEvent(event: RecordedEvent): string {
  return JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source: sourceOf(event),
    type: event.type,
    subject: event.subject,
    time: event.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    requestid: event.requestId,
    data: event.data,
  })
}

/**
 * True when the scopes would let somebody read of this: approvals those who may read every one,
 * syncs those of their tenant who may read them, uploads those who may write for the jurisdiction and
 * belong to its tenant, all else of a compact
 * whoever may read there.
 */
export function mayHear(listener: Listener, event: RecordedEvent): boolean {
  const { scopes, tenant } = listener
  if (event.type.startsWith('approval.')) return scopes.has('approval:read')
  if (event.type.startsWith('roster.')) {
    return scopes.has('roster:read') && tenant !== undefined && event.tenant === tenant
  }
  const { compact, jurisdiction } = event.data
  if (typeof compact !== 'string' || typeof jurisdiction !== 'string') return false
  if (event.type === 'license.deactivation' && scopes.has(`${compact}/readGeneral`)) return true
  if (!scopes.has(`${compact}/${jurisdiction}.write`)) return false
  return event.tenant === null || tenant === undefined || event.tenant === tenant
}

function sourceOf({ data }: RecordedEvent): string {
  const { compact, jurisdiction } = data
  if (typeof compact !== 'string' || typeof jurisdiction !== 'string') return '/v1'
  return `/v1/compacts/${compact}/jurisdictions/${jurisdiction}`
}
