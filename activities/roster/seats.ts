import type { Verdict } from '../../core/roster/target.ts'
import { dayIn } from '../../core/roster/day.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { noteSchools, rebase } from '../../db/roster/base.ts'
import { judgePull } from '../../db/roster/pull-result.ts'
import {
  allocateSeats,
  listEntitlementChanges,
  noteEntitlements,
  type EntitlementChange,
} from '../../db/roster/seats.ts'
import { prepareSets } from '../../db/roster/sets.ts'
import { forgetAccounts } from '../../db/roster/verdicts.ts'
import { waitsForDecision } from './apply.ts'
import { settle, type FailedChange } from './applying.ts'
import { lockPlanning } from './plan.ts'
import { findPauseEnd, type Slice } from './pull.ts'
import { findDeadline, getRunParts, type RosterDeps, type RunParts } from './roster-deps.ts'
import { withCancellation } from './stop.ts'

/** Up to whom the target was told of their seats, by the source's id; absent: of nobody. */
export type SeatCursor = { readonly afterId?: string }

export type SeatedSlice = Slice & { readonly cursor: SeatCursor }

const PEOPLE_AT_ONCE = 1_000

/**
 * Makes what a run has read the roster as it was last applied, gives and takes seats by it, and tells
 * the target whose entitlements are others now, until all are told or the time is up. A run that
 * waits for a decision gives no seats.
 */
export async function seatPeople(
  deps: RosterDeps,
  { runId, cursor: start }: { readonly runId: string; readonly cursor?: SeatCursor | undefined },
  signal: AbortSignal,
): Promise<SeatedSlice> {
  const { db } = deps
  const deadline = findDeadline(deps)
  const parts = await getRunParts(db, runId)
  let cursor = start ?? {}
  if (parts.run.state !== 'applying' || waitsForDecision(parts.run)) {
    return { state: 'done', cursor }
  }
  if (!start) await settleRoster(db, parts, signal)
  while (Date.now() < deadline) {
    const changes = await listEntitlementChanges(db, parts.provider.id, {
      ...cursor,
      limit: PEOPLE_AT_ONCE,
      now: new Date(),
    })
    const last = changes.at(-1)
    if (!last) return { state: 'done', cursor }
    const untilMs = await findPauseEnd(db, await getRunParts(db, runId))
    if (untilMs !== undefined) return { state: 'paused', untilMs, cursor }
    signal.throwIfAborted()
    await tell(deps, parts, { changes, signal })
    cursor = { afterId: last.id }
  }
  return { state: 'more', cursor }
}

// What is limited says nothing of the rest: then the roster stays as it was last applied whole.
async function settleRoster(
  db: Database,
  { run, provider }: RunParts,
  signal: AbortSignal,
): Promise<void> {
  await withTransaction(db, async (tx) => {
    await withCancellation(db, { tx, signal }, async () => {
      await lockPlanning(tx, run.id)
      await prepareSets(tx)
      const { overlays } = await judgePull(tx, run)
      const change = {
        runId: run.id,
        providerId: provider.id,
        overlays,
        startedAt: run.startedAt ?? run.createdAt,
      }
      if (run.settledBy === null) {
        await noteSchools(tx, change)
        if (run.selection === null) await rebase(tx, change)
      }
      const now = new Date()
      await allocateSeats(tx, run, { now, today: dayIn(provider.settings.timeZone, now) })
    })
  })
}

async function tell(
  deps: RosterDeps,
  parts: RunParts,
  {
    changes,
    signal,
  }: { readonly changes: readonly EntitlementChange[]; readonly signal: AbortSignal },
): Promise<void> {
  const { db } = deps
  const target = await deps.openTarget(parts.provider, parts.run)
  const byId = new Map(changes.map((change) => [change.id, change]))
  await target.writePeople(
    changes.map(({ id, scimId, entitlements }) => ({ op: 'entitle', id, scimId, entitlements })),
    {
      signal,
      onVerdicts: async (verdicts) => await note({ ...parts, db }, byId, verdicts),
    },
  )
}

async function note(
  telling: RunParts & { readonly db: Database },
  byId: ReadonlyMap<string, EntitlementChange>,
  verdicts: readonly Verdict[],
): Promise<void> {
  const { run, provider } = telling
  const told = verdicts.flatMap((verdict) => {
    const change = verdict.outcome === 'failed' ? undefined : byId.get(verdict.id)
    return change ? [change] : []
  })
  const failed = verdicts.flatMap((verdict): FailedChange[] =>
    verdict.outcome === 'failed' ? [{ ...verdict, type: 'users' }] : [],
  )
  // The next run makes them anew, and tells of them again.
  const gone = failed.filter(({ code }) => code === 'account_gone').map(({ id }) => id)
  await settle(telling, { done: [], failed, op: 'entitle', type: undefined }, async (tx) => {
    await noteEntitlements(tx, provider.id, told)
    await forgetAccounts(tx, provider.id, gone)
    await appendAudit(
      tx,
      told.map(({ externalId, entitlements }) => ({
        actor: run.startedBy ?? 'registrar',
        action: 'roster.entitled',
        subject: { type: 'roster-account', id: externalId },
        cause: {
          requestId: run.requestId,
          tenant: run.tenant,
          providerId: provider.id,
          syncId: run.id,
          products: entitlements.join(' '),
        },
      })),
    )
  })
}
