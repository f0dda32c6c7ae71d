import type { LeafPath } from '../profile/attributes.ts'
import type { PublisherName } from '../profile/document.ts'
import type { AttributeContent } from '../profile/null-profile.ts'
import type { Guard } from './guard.ts'

/** Contents by dotted path; what a source does not know is left out. */
export type SourceContents = Readonly<Record<LeafPath, AttributeContent>>

/** What a source says of one person, or why it cannot be told. */
export type SourceRow = {
  /** What the vault finds the person by, see `matchesBy`; absent where even that is unknown. */
  readonly key?: string
  readonly contents?: SourceContents
  /** The person is there, and nothing of them is taken: a stable code. */
  readonly fault?: string
  /** The person is there, and nothing of them is meant to be taken. */
  readonly isPassedOver?: boolean
}

export type SourceRead = {
  /** Takes the next rows; the next ones are read once it is done. */
  readonly onRows: (rows: readonly SourceRow[]) => Promise<void>
  /** Where an incremental read begins, as an earlier one left it; undefined reads everybody. */
  readonly since: string | undefined
  readonly now: Date
  readonly signal: AbortSignal
}

/** A system that persons are pulled from. */
export type ProfileSource = {
  readonly name: string
  readonly publisher: PublisherName
  readonly matchesBy: 'user_id' | 'primary_email'
  /** Whether a person whom the vault does not know is made. */
  readonly creates: boolean
  readonly guard: Guard
  /**
   * Reads the source in batches and answers where the next incremental read begins; undefined where
   * everybody has to be read each time. Throws AppErrors; a source that is cut off throws, it never
   * looks like a short one.
   */
  readonly read: (request: SourceRead) => Promise<string | undefined>
  readonly close: () => Promise<void>
}
