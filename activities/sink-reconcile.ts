import { setTimeout as delay } from 'node:timers/promises'
import { Context } from '@temporalio/activity'
import { AppError } from '../core/errors.ts'
import { listLanes, type LaneSink } from '../core/profile/lanes.ts'
import type { ProfileSink } from '../core/profile/sink.ts'
import { withTransaction, type Database, type Transaction } from '../db/client.ts'
import {
  bookReconciled,
  endReconcile,
  findReconcile,
  listPersonsAtSink,
  lockUnchanged,
  lowerFences,
  type Drift,
  type PersonAtSink,
} from '../db/profile/reconciles.ts'
import { enqueuePersons } from '../db/profile/sinks.ts'
import { currentCause } from './context.ts'
import { withHeartbeat } from './heartbeat.ts'
import { getSink, toDelivery } from './sink.ts'

export type SinkReconcileDeps = {
  readonly db: Database
  readonly sinks: ReadonlyMap<string, ProfileSink>
  readonly config: readonly LaneSink[]
}

type ReconcileInput = { readonly reconcileId: string; readonly sink: string }

export type SinkReconcileActivities = {
  /** Compares the next persons, books where the sink differs and, if told to, has it repaired. */
  readonly reconcilePage: (
    input: ReconcileInput & { readonly cursor?: string | undefined },
  ) => Promise<{
    readonly compared: number
    readonly counts: Readonly<Record<string, number>>
    readonly cursor?: string
  }>
  readonly closeReconcile: (input: ReconcileInput) => Promise<void>
}

const PAGE_SIZE = 100
const RATE_PAUSE_SECONDS = 1

/** The activities of a comparison. */
export function createSinkReconcileActivities(deps: SinkReconcileDeps): SinkReconcileActivities {
  const { db } = deps
  return {
    reconcilePage: async (input) => await withHeartbeat(async () => await comparePage(deps, input)),
    closeReconcile: async ({ reconcileId }) => await endReconcile(db, reconcileId, 'succeeded'),
  }
}

async function comparePage(
  deps: SinkReconcileDeps,
  { reconcileId, sink: name, cursor }: ReconcileInput & { readonly cursor?: string | undefined },
): ReturnType<SinkReconcileActivities['reconcilePage']> {
  const { db } = deps
  const sink = getSink(deps.sinks, name)
  const persons = await listPersonsAtSink(db, { sink: name, after: cursor, limit: PAGE_SIZE })
  const found: Drift[] = []
  for (const person of persons) {
    const kind = await compare(sink, person)
    if (kind !== 'same') found.push({ profileId: person.profileId, kind })
  }
  const report = await findReconcile(db, { id: reconcileId, sink: name })
  const lastId = persons.at(-1)?.profileId
  const drifts = await withTransaction(db, async (tx) => {
    const behind = await lockDrifted(tx, persons, found)
    const ids = new Set(behind.map(({ profileId }) => profileId))
    const drifts = found.filter(({ profileId }) => ids.has(profileId))
    const compared = persons.length - found.length + drifts.length
    await bookReconciled(tx, reconcileId, { compared, lastId, drifts })
    if (report?.repair !== true) return drifts
    await lowerFences(tx, name, behind)
    const lane = listLanes(deps.config).find((known) => known.sink === name)
    const { requestId = reconcileId } = currentCause()
    if (lane) await enqueuePersons(tx, behind, { lane, requestId })
    return drifts
  })
  const last = persons.length === PAGE_SIZE ? persons.at(-1) : undefined
  return {
    compared: persons.length,
    counts: countKinds(drifts),
    ...(last && { cursor: last.profileId }),
  }
}

// Who was changed while they were compared is on their way to the sink already.
async function lockDrifted(
  tx: Transaction,
  persons: readonly PersonAtSink[],
  found: readonly Drift[],
): Promise<PersonAtSink[]> {
  const drifted = new Set(found.map(({ profileId }) => profileId))
  const suspects = persons.filter(({ profileId }) => drifted.has(profileId))
  const unchanged = await lockUnchanged(tx, suspects)
  return suspects.filter(({ profileId }) => unchanged.has(profileId))
}

// A sink that does not answer ends nothing: the page is tried again. What it refuses is noted, and a
// limit on its rate is waited for, else a page that is longer than it would never end.
async function compare(sink: ProfileSink, person: PersonAtSink): Promise<Drift['kind'] | 'same'> {
  const { cancellationSignal: signal } = Context.current()
  for (;;) {
    try {
      return await sink.compare(toDelivery(person, person), signal)
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error
      if (error.status !== 429) return 'failed'
      await delay((error.retryAfterSeconds ?? RATE_PAUSE_SECONDS) * 1_000, undefined, { signal })
    }
  }
}

function countKinds(drifts: readonly Drift[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind } of drifts) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
