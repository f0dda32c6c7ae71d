import type { QueuedRun } from '../approval/open.ts'
import type { Queryable } from '../client.ts'
import { lockRosterProvider, setProviderWake } from './providers.ts'
import { startRosterRun } from './start.ts'

/** What comes in a burst is answered by a run at its beginning and one after its end. */
const SPACING_SECONDS = 5

type Wake = { readonly providerId: string; readonly requestId: string; readonly now: Date }

/**
 * Starts an incremental run, or notes that one is wanted where one is under way or has only just been
 * started by a webhook. Answers what is to be handed over.
 */
export async function wakeRosterProvider(tx: Queryable, wake: Wake): Promise<readonly QueuedRun[]> {
  const { providerId, requestId, now } = wake
  const provider = await lockRosterProvider(tx, providerId)
  if (!provider) return []
  if (await wasWokenJustNow(tx, providerId)) {
    await setProviderWake(tx, providerId, now)
    return []
  }
  const start = await startRosterRun(tx, {
    providerId,
    mode: 'incremental',
    trigger: 'webhook',
    startedBy: null,
    requestId,
    now,
  })
  const isBusy = start.outcome === 'running' || start.outcome === 'repairing'
  if (isBusy) await setProviderWake(tx, providerId, now)
  if (start.outcome === 'paused') await setProviderWake(tx, providerId, null)
  return start.outcome === 'started' ? start.queued : []
}

/** The providers for which a run is wanted that can be started now. */
export async function listDueWakes(db: Queryable, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select p.id from roster_providers p
     where p.wake_at is not null and p.removed_at is null
       and not exists (
         select from roster_runs r where r.provider_id = p.id
           and (r.state in ('queued', 'pulling', 'planning', 'applying')
             or r.trigger = 'webhook'
               and r.created_at > clock_timestamp() - make_interval(secs => $1::float8)))
     order by p.wake_at
     limit $2::integer`,
    [SPACING_SECONDS, limit],
  )
  return rows.map(({ id }) => id)
}

async function wasWokenJustNow(tx: Queryable, providerId: string): Promise<boolean> {
  const { rows } = await tx.query(
    `select from roster_runs
     where provider_id = $1::uuid and trigger = 'webhook'
       and created_at > clock_timestamp() - make_interval(secs => $2::float8)
     limit 1`,
    [providerId, SPACING_SECONDS],
  )
  return rows.length > 0
}
