import type { Queryable } from '../client.ts'
import type { ApplyScope, OutcomeCounts } from './apply-scope.ts'
import { insertDeactivationEvents, markPrivileges } from './deactivations.ts'
import {
  confirmLicenses,
  insertHistory,
  insertLicenseAudit,
  insertLicenses,
  updateLicenses,
} from './license-writes.ts'
import {
  adoptKnownProviders,
  countStagedKinds,
  insertNewSsns,
  insertNewSummaries,
  type StagedKinds,
} from './new-providers.ts'
import { hasNewerUpload, hasOlderOpenUpload } from './upload-order.ts'
import {
  countOvertakenRows,
  decidePendingRows,
  lockPendingProviders,
  markPendingRows,
} from './outcomes.ts'
import { refreshSummaries } from './summary.ts'

const noCounts = { accepted: 0, created: 0, updated: 0, unchanged: 0, stale: 0 }

/** What became of the accepted rows of a chunk: `accepted = created + updated + unchanged + stale`. */
export type AppliedCounts = {
  readonly accepted: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly stale: number
}

/**
 * Makes the staged rows of one chunk licenses, in the caller's transaction. Whoever calls holds the
 * chunk's lock and has seen that it is staged, ready and not yet applied.
 */
export async function applyStagedRows(tx: Queryable, scope: ApplyScope): Promise<AppliedCounts> {
  const staged = await countStagedKinds(tx, scope)
  const unchanged = await countUnchanged(tx, scope, staged)
  if (staged.unknown + staged.known === 0) return unchanged
  await tunePlanner(tx)
  const adopted = staged.unknown > 0 ? await storeNewSsns(tx, scope, staged) : 0
  const known = staged.known + adopted > 0 ? await applyKnown(tx, scope) : noCounts
  const added = staged.unknown - adopted
  if (added + known.created > 0) await insertLicenses(tx, scope)
  if (added > 0) await insertNewSummaries(tx, scope)
  if (known.created + known.updated > 0) await refreshSummaries(tx, scope)
  if (added + known.created + known.updated > 0) await insertLicenseAudit(tx, scope)
  const created = { ...noCounts, accepted: added, created: added }
  return [unchanged, known, created].reduce(addCounts)
}

async function countUnchanged(
  tx: Queryable,
  scope: ApplyScope,
  { unchanged }: StagedKinds,
): Promise<AppliedCounts> {
  const isSettled = unchanged === 0 || !(await hasNewerUpload(tx, scope))
  const stale = isSettled ? 0 : await countOvertakenRows(tx, scope)
  return { ...noCounts, accepted: unchanged, unchanged: unchanged - stale, stale }
}

// A chunk is small beside the tables: a look-up per row beats reading a table whole, whatever the
// statistics of a table that is just being filled say.
async function tunePlanner(tx: Queryable): Promise<void> {
  await tx.query(
    `select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true), set_config('work_mem', '32MB', true)`,
  )
}

// The rows of SSNs that somebody else stored meanwhile turn into rows of known providers.
async function storeNewSsns(
  tx: Queryable,
  scope: ApplyScope,
  staged: StagedKinds,
): Promise<number> {
  const inserted = await insertNewSsns(tx, scope)
  return inserted < staged.unknownSsns ? await adoptKnownProviders(tx, scope) : 0
}

async function applyKnown(tx: Queryable, scope: ApplyScope): Promise<AppliedCounts> {
  const hasOlderOpen = await hasOlderOpenUpload(tx, scope)
  const { pending, ...final } = await markPendingRows(tx, scope, hasOlderOpen)
  if (pending === 0) return toCounts(final)
  await lockPendingProviders(tx, scope)
  const decided = await decidePendingRows(tx, scope, hasOlderOpen)
  await applyChanges(tx, scope, decided)
  return addCounts(toCounts(final), toCounts(decided))
}

async function applyChanges(
  tx: Queryable,
  scope: ApplyScope,
  decided: OutcomeCounts,
): Promise<void> {
  const { deactivated = 0, confirmed = 0 } = decided
  if (toCounts(decided).updated > 0) {
    await insertHistory(tx, scope)
    await updateLicenses(tx, scope)
  }
  if (deactivated > 0) {
    await markPrivileges(tx, scope)
    await insertDeactivationEvents(tx, scope)
  }
  if (confirmed > 0) await confirmLicenses(tx, scope)
}

function toCounts(outcomes: OutcomeCounts): AppliedCounts {
  const { created = 0, deactivated = 0, renewed = 0, updated = 0 } = outcomes
  const { confirmed = 0, unchanged = 0, stale = 0 } = outcomes
  const changed = deactivated + renewed + updated
  const same = confirmed + unchanged
  return {
    accepted: created + changed + same + stale,
    created,
    updated: changed,
    unchanged: same,
    stale,
  }
}

function addCounts(one: AppliedCounts, other: AppliedCounts): AppliedCounts {
  return {
    accepted: one.accepted + other.accepted,
    created: one.created + other.created,
    updated: one.updated + other.updated,
    unchanged: one.unchanged + other.unchanged,
    stale: one.stale + other.stale,
  }
}
