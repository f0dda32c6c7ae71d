import type {
  GuardJudgement,
  RosterCounts,
  RosterRunState,
  RosterSelection,
  RosterTrigger,
} from '../../core/roster/run.ts'
import type { RosterMode } from '../../core/roster/source.ts'
import type { Queryable } from '../client.ts'

export type RosterRun = {
  readonly id: string
  readonly tenant: string
  readonly providerId: string
  readonly mode: RosterMode
  readonly trigger: RosterTrigger
  readonly selection: RosterSelection | null
  readonly dryRun: boolean
  readonly addsOnly: boolean
  readonly isForced: boolean
  readonly uploadId: string | null
  readonly state: RosterRunState
  readonly counts: RosterCounts
  readonly pages: number
  readonly warnings: number
  readonly guard: readonly GuardJudgement[] | null
  readonly planHash: string | null
  /** The run that had left everything as this one found it; null where its plan was worked out. */
  readonly settledBy: string | null
  readonly approvalId: string | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  readonly since: string | null
  readonly baseline: string | null
  readonly stopRequestedAt: Date | null
  readonly pausedUntil: Date | null
  readonly startedBy: string | null
  readonly requestId: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly endedAt: Date | null
}

export type NewRosterRun = Pick<
  RosterRun,
  'id' | 'tenant' | 'providerId' | 'mode' | 'trigger' | 'startedBy' | 'requestId'
> &
  Partial<Pick<RosterRun, 'selection' | 'dryRun' | 'addsOnly' | 'isForced' | 'uploadId'>>

/** The columns of a `RosterRun`. */
export const COLUMNS = `id, tenant, provider_id as "providerId", mode, trigger, selection,
  dry_run as "dryRun", adds_only as "addsOnly", is_forced as "isForced", upload_id as "uploadId",
  state, counts, pages, warnings, guard, plan_hash as "planHash",
  settled_by as "settledBy", approval_id as "approvalId",
  error_code as "errorCode", error_message as "errorMessage", since, baseline,
  stop_requested_at as "stopRequestedAt", paused_until as "pausedUntil",
  started_by as "startedBy", request_id as "requestId", created_at as "createdAt",
  started_at as "startedAt", ended_at as "endedAt"`

/** Adds a run; undefined while another one of the provider is under way. */
export async function insertRosterRun(
  tx: Queryable,
  run: NewRosterRun,
): Promise<RosterRun | undefined> {
  const { rows } = await tx.query<RosterRun>(
    `insert into roster_runs
       (id, tenant, provider_id, mode, trigger, selection, dry_run, adds_only, is_forced, upload_id,
        started_by, request_id)
     values ($1::uuid, $2::text, $3::uuid, $4::text, $5::text, $6::jsonb, $7::boolean, $8::boolean,
       $9::boolean, $10::uuid, $11::text, $12::text)
     on conflict (provider_id) where state in ('queued', 'pulling', 'planning', 'applying')
       do nothing
     returning ${COLUMNS}`,
    [
      run.id,
      run.tenant,
      run.providerId,
      run.mode,
      run.trigger,
      run.selection ? JSON.stringify(run.selection) : null,
      run.dryRun ?? false,
      run.addsOnly ?? false,
      run.isForced ?? false,
      run.uploadId ?? null,
      run.startedBy,
      run.requestId,
    ],
  )
  return rows[0]
}

/** The run with this id, if there is one. */
export async function findRosterRun(db: Queryable, id: string): Promise<RosterRun | undefined> {
  const { rows } = await db.query<RosterRun>(
    `select ${COLUMNS} from roster_runs where id = $1::uuid`,
    [id],
  )
  return rows[0]
}

/** The run, its row locked until the transaction ends. */
export async function lockRosterRun(tx: Queryable, id: string): Promise<RosterRun | undefined> {
  const { rows } = await tx.query<RosterRun>(
    `select ${COLUMNS} from roster_runs where id = $1::uuid for update`,
    [id],
  )
  return rows[0]
}

/** The run that holds the provider's lock. */
export async function findRunningRosterRun(
  db: Queryable,
  providerId: string,
): Promise<RosterRun | undefined> {
  const { rows } = await db.query<RosterRun>(
    `select ${COLUMNS} from roster_runs
     where provider_id = $1::uuid and state in ('queued', 'pulling', 'planning', 'applying')`,
    [providerId],
  )
  return rows[0]
}
