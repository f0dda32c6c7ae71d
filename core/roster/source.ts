import type { RosterEntry, RosterFault } from './record.ts'

export const rosterKinds = ['clever', 'classlink', 'oneroster'] as const
export type RosterKind = (typeof rosterKinds)[number]

export type RosterMode = 'full' | 'incremental'

/** One sequence of pages that a pull reads to its end: a collection, or the source's events. */
export type RosterStream = string

export type RosterPage = {
  readonly entries: readonly RosterEntry[]
  readonly faults: readonly RosterFault[]
  /** Something odd that is no fault of a record, such as a listed student whom nobody may read. */
  readonly warnings: number
  /** Where the next page begins; undefined at the end of the stream. */
  readonly next: string | undefined
  /** Of the whole stream, where the source says: a pull that ends short of it is incomplete. */
  readonly total?: number
  /** What the source may be read by; a pull that sees two of them begins again. */
  readonly revision?: string
}

export type RosterPull = {
  readonly mode: RosterMode
  /** What `readBaseline` gave an earlier run, or the last page of events: for `incremental`. */
  readonly since?: string
}

/**
 * A school system, read page by page. Calls throw AppErrors without the token, the body or a name:
 * `source_unauthorized` (401), `cursor_expired` (410: a full pull is needed), `source_failed`
 * (502), `source_unreachable` (503).
 */
export type RosterSource = {
  /** The streams of a pull, in the order in which they are read. */
  readonly listStreams: (mode: RosterMode) => readonly RosterStream[]
  /** Where an incremental pull goes on from now; undefined where the source can't do one. */
  readonly readBaseline: (signal: AbortSignal) => Promise<string | undefined>
  readonly readPage: (request: RosterPageRequest) => Promise<RosterPage>
  /** Throws unless the source answers as one of this kind with these credentials. */
  readonly check: (signal: AbortSignal) => Promise<void>
  readonly close: () => void
}

export type RosterPageRequest = RosterPull & {
  readonly stream: RosterStream
  /** `next` of the page before; undefined for the first. */
  readonly cursor: string | undefined
  readonly signal: AbortSignal
}
