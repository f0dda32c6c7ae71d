/** How many may leave by one run without a decision: the larger of the two. */
export type Guard = {
  readonly count: number
  /** Of the persons whom the source had, from 0 to 1. */
  readonly share: number
}

/** What a full run would do to those whom the source had before. */
export type RunShape = {
  /** Rows in the source now. */
  readonly read: number
  /** Rows of which it cannot be told whose they are. */
  readonly unreadable: number
  /** Rows at the last full run that was applied; 0 where there was none. */
  readonly readBefore: number
  /** Persons seen by an earlier run, and those of them who would be deactivated. */
  readonly known: number
  readonly leavers: number
}

export type HoldReason = 'empty' | 'shrunk' | 'leavers' | 'unreadable'

/** A judgement of the guard, as the run keeps and shows it. */
export type Hold = RunShape & { readonly reason: HoldReason; readonly limit: number }

const SHRUNK_SHARE = 0.5

/** Why a full run needs a decision before it touches anybody; undefined when it does not. */
export function judgeRun(shape: RunShape, guard: Guard): Hold | undefined {
  const limit = Math.max(guard.count, guard.share * shape.known)
  const reason = findReason(shape, limit)
  return reason && { ...shape, reason, limit }
}

function findReason(shape: RunShape, limit: number): HoldReason | undefined {
  const { read, readBefore, leavers, unreadable } = shape
  if (read === 0) return 'empty'
  if (read <= readBefore * SHRUNK_SHARE) return 'shrunk'
  if (leavers > limit) return 'leavers'
  // Any of the leavers may be one of those rows.
  return leavers > 0 && unreadable > 0 ? 'unreadable' : undefined
}
