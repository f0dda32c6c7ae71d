import { AppError } from '../../core/errors.ts'
import type { ScimTarget } from '../../core/roster/target.ts'
import type { Database, Transaction } from '../../db/client.ts'
import type { RosterProvider } from '../../db/roster/providers.ts'
import type { ReconciledPart, RosterDrift, RosterReconcile } from '../../db/roster/reconciles.ts'
import type { Repairing } from './repair.ts'

/** What a part of a comparison reads. */
export type Reading = {
  readonly db: Database
  readonly target: ScimTarget
  readonly signal: AbortSignal
  readonly report: RosterReconcile
}

export type Parts = { readonly report: RosterReconcile; readonly provider: RosterProvider }

/** A part of a comparison, and how what was found is repaired. */
export type Found = ReconciledPart & {
  /** Keys of the drifts that are to be repaired. */
  readonly repaired: ReadonlySet<string>
  /** Writes it; answers the codes of those that failed, by their keys. */
  readonly repair: (repairing: Repairing) => Promise<ReadonlyMap<string, string>>
}

/**
 * Reads the next part of one phase. What comes out compares it under the provider's lock; undefined
 * where nothing is left to compare.
 */
export type Phase = (
  reading: Reading,
) => Promise<(tx: Transaction, parts: Parts) => Promise<Found | undefined>>

/** A part that only goes on to the next phase. */
export function passOn(
  { kept }: Pick<RosterReconcile, 'kept'>,
  next: Pick<ReconciledPart, 'phase' | 'nextIndex'>,
): Found {
  return {
    ...next,
    afterId: null,
    kept,
    seenScimIds: [],
    compared: 0,
    groups: 0,
    drifts: [],
    repaired: new Set(),
    repair: async () => await Promise.resolve(new Map()),
  }
}

/** Tells drifts of one comparison apart. */
export function keyOf({ type, id }: Pick<RosterDrift, 'type' | 'id'>): string {
  return `${type}/${id}`
}

/** Refuses a page of nothing amid a list: what it leaves out would seem to be missing. */
export function assertShown(
  shown: number,
  { total, startIndex }: { readonly total: number; readonly startIndex: number },
): void {
  if (shown > 0 || startIndex > total) return
  throw new AppError('target_failed', 'The target shows less than it counts', { status: 502 })
}
