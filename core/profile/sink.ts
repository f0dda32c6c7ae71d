import type { Profile } from './document.ts'

/** Kinds of systems that changes of profiles are propagated to. */
export type SinkKind = 'ldap' | 'auth0' | 'sql'

/** The newest state of one person, to be brought to a sink. */
export type SinkDelivery = {
  readonly profileId: string
  readonly userId: string
  /** As it stands; of a deleted person, as it last was. */
  readonly profile: Profile
  readonly isDeleted: boolean
  /** Of the newest change; a sink that keeps a greater one must not be written. */
  readonly serial: number
  readonly updatedAt: Date
}

/**
 * `succeeded`: read back, the sink has this state (`wrote`: it was written for it). `superseded`:
 * the sink says that it has a newer one.
 */
export type SinkOutcome =
  { readonly state: 'succeeded'; readonly wrote: boolean } | { readonly state: 'superseded' }

/** How a sink's entry compares with the state it should have; `extra`: it should not be there. */
export type SinkComparison = 'same' | 'different' | 'missing' | 'extra'

/** One system that changes are propagated to. Every call may run twice, and late. */
export type ProfileSink = {
  readonly name: string
  readonly kind: SinkKind
  /**
   * Brings the person's state there and reads it back. Throws an AppError without personal data:
   * 4xx but 429 is final (a dead letter), 429 and 503 come back after `retryAfterSeconds`, 502 and
   * all else are tried again with growing delays.
   */
  readonly deliver: (delivery: SinkDelivery, signal: AbortSignal) => Promise<SinkOutcome>
  /** Compares without writing; throws like `deliver`. */
  readonly compare: (delivery: SinkDelivery, signal: AbortSignal) => Promise<SinkComparison>
  readonly close: () => Promise<void>
}
