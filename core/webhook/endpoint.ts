import type { Interest } from './profile-event.ts'

export type EndpointKind = 'sink' | 'subscription' | 'mail'

/** `gone`: the receiver said so with 410. `failing`: nothing got through for days. */
export type DisabledReason = 'gone' | 'failing'

export type DeliveryState = 'pending' | 'succeeded' | 'failed' | 'superseded'

/** A sink of kind webhook as the settings have it. */
export type WebhookSink = Interest & {
  readonly name: string
  readonly url: string
  readonly secret: string
  /** Sent as `Authorization: Bearer`, for receivers of CIS v2. */
  readonly bearerToken?: string | undefined
}

/** The secrets of a subscription: the current one, and those that sign on for a while. */
export type EndpointSecrets = {
  readonly current: string
  readonly previous: readonly { readonly secret: string; readonly until: string }[]
}

/** All secrets that sign at this time, the current one first. */
export function listSigningSecrets(secrets: EndpointSecrets, now: Date): string[] {
  const kept = secrets.previous.filter(({ until }) => new Date(until) > now)
  return [secrets.current, ...kept.map(({ secret }) => secret)]
}

/** How long a secret signs on beside the one that replaced it. */
export const SECRET_OVERLAP_MS = 24 * 3_600_000

/** The secrets after a rotation: what was current signs on for a day. */
export function rotateSecrets(secrets: EndpointSecrets, next: string, now: Date): EndpointSecrets {
  const until = new Date(now.getTime() + SECRET_OVERLAP_MS).toISOString()
  const kept = secrets.previous.filter((previous) => new Date(previous.until) > now)
  return { current: next, previous: [{ secret: secrets.current, until }, ...kept] }
}
