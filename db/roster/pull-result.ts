import { rosterCollections, type RosterCollection } from '../../core/roster/record.ts'
import type { RosterMode } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'
import { insertRosterErrors, nameRosterStaging } from './staging.ts'

/** What a pull allows to conclude of what is not in it. */
export type PullResult = {
  /** Everything that the source said there is was received. */
  readonly isComplete: boolean
  /** Collections in which a record that was not read is gone. */
  readonly endsAbsent: ReadonlySet<RosterCollection>
  /** Collections of which what was read is laid over what is known; others are replaced by it. */
  readonly overlays: ReadonlySet<RosterCollection>
}

/**
 * Judges a run's pull: whatever a whole one leaves out is gone, save from a collection that came
 * empty. A stream that ended short of its total is an error of the run.
 */
export async function judgePull(
  tx: Queryable,
  { id, mode }: { readonly id: string; readonly mode: RosterMode },
): Promise<PullResult> {
  const short = await listShortStreams(tx, id)
  await insertRosterErrors(
    tx,
    id,
    short.map((stream) => ({
      entity: 'pull',
      id: stream,
      code: 'incomplete_pull',
      message: 'The source gave fewer records than it said there are: nobody is taken for gone',
    })),
  )
  const all = new Set(rosterCollections)
  if (mode === 'incremental')
    return { isComplete: short.length === 0, endsAbsent: all, overlays: all }
  if (short.length > 0) return { isComplete: false, endsAbsent: new Set(), overlays: all }
  const filled = await listFilled(tx, id)
  const empty = rosterCollections.filter((collection) => !filled.has(collection))
  return { isComplete: true, endsAbsent: filled, overlays: new Set(empty) }
}

async function listShortStreams(tx: Queryable, runId: string): Promise<string[]> {
  const { rows } = await tx.query<{ stream: string }>(
    `select stream from roster_streams
     where run_id = $1::uuid and (not is_done or received < total)
     order by stream`,
    [runId],
  )
  return rows.map(({ stream }) => stream)
}

async function listFilled(tx: Queryable, runId: string): Promise<ReadonlySet<RosterCollection>> {
  const { rows } = await tx.query<{ collection: RosterCollection }>(
    `select distinct collection from ${nameRosterStaging(runId, 'records')} where not is_removed
     union all
     select 'users'
     where exists (select from ${nameRosterStaging(runId, 'users')} where not is_removed)
     union all
     select 'enrollments' where exists (
       select from ${nameRosterStaging(runId, 'enrollments')}
       where id is not null and not is_removed)
     union all
     select distinct collection from ${nameRosterStaging(runId, 'seen')}`,
  )
  return new Set(rows.map(({ collection }) => collection))
}
