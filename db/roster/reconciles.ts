import type { RosterType } from '../../core/roster/run.ts'
import type { Drift } from '../../core/roster/reconcile.ts'
import type { ScimPerson } from '../../core/roster/target.ts'
import type { Queryable } from '../client.ts'

/** What is looked at: accounts on the target's pages, and on none; then groups likewise. */
export type ReconcilePhase = 'people' | 'lost-people' | 'groups' | 'lost-groups'

/** The report on how a target compares with what was applied, and how far it has come. */
export type RosterReconcile = {
  readonly id: string
  readonly tenant: string
  readonly providerId: string
  readonly repair: boolean
  readonly state: 'running' | 'succeeded' | 'failed' | 'stopped'
  readonly phase: ReconcilePhase
  readonly compared: number
  /** Groups that were compared; what follows counts people and groups. */
  readonly groups: number
  readonly missing: number
  readonly differs: number
  readonly inactive: number
  readonly unexpected: number
  readonly repaired: number
  readonly failed: number
  /** Where the next page of the target begins; null where none is read. */
  readonly nextIndex: number | null
  /** Up to whom those on no page were looked at. */
  readonly afterId: string | null
  readonly kept: readonly string[]
  readonly errorCode: string | null
  readonly startedBy: string
  readonly requestId: string
  readonly startedAt: Date
  readonly endedAt: Date | null
}

export type DriftOutcome = 'found' | 'repaired' | 'failed' | 'left'

/** An entry of a report: ids and names of fields, never what differs. */
export type RosterDrift = Drift & {
  /** Of an unexpected group nobody knows whether it is a school's or a section's. */
  readonly type: RosterType | 'groups'
  /** Only found, brought there again, refused with `code`, or left as it is nobody of ours. */
  readonly outcome: DriftOutcome
  readonly code: string | null
}

/** An account as it was applied. */
export type AppliedAccount = {
  readonly id: string
  readonly externalId: string
  readonly scimId: string
  readonly person: ScimPerson
  readonly entitlements: readonly string[]
}

// So many differences are listed; all are counted.
const MAX_DRIFTS = 5_000

const COLUMNS = `id, tenant, provider_id as "providerId", repair, state, phase, compared, groups,
  missing, differs, inactive, unexpected, repaired, failed, next_index as "nextIndex", after_id as "afterId", kept,
  error_code as "errorCode", started_by as "startedBy", request_id as "requestId",
  started_at as "startedAt", ended_at as "endedAt"`
const ACCOUNT_COLUMNS = `a.id, a.external_id as "externalId", a.scim_id as "scimId", a.person,
  a.entitlements`

/** Opens a report; undefined while another one of the provider is running. */
export async function insertRosterReconcile(
  tx: Queryable,
  report: Pick<
    RosterReconcile,
    'id' | 'tenant' | 'providerId' | 'repair' | 'startedBy' | 'requestId'
  >,
): Promise<RosterReconcile | undefined> {
  const { rows } = await tx.query<RosterReconcile>(
    `insert into roster_reconciles (id, tenant, provider_id, repair, started_by, request_id)
     values ($1::uuid, $2::text, $3::uuid, $4::boolean, $5::text, $6::text)
     on conflict (provider_id) where state = 'running' do nothing
     returning ${COLUMNS}`,
    [
      report.id,
      report.tenant,
      report.providerId,
      report.repair,
      report.startedBy,
      report.requestId,
    ],
  )
  return rows[0]
}

/** The comparison with this id, if there is one. */
export async function findRosterReconcile(
  db: Queryable,
  id: string,
): Promise<RosterReconcile | undefined> {
  const { rows } = await db.query<RosterReconcile>(
    `select ${COLUMNS} from roster_reconciles where id = $1::uuid`,
    [id],
  )
  return rows[0]
}

/** The provider's comparison under way. */
export async function findRunningReconcile(
  db: Queryable,
  providerId: string,
): Promise<RosterReconcile | undefined> {
  const { rows } = await db.query<RosterReconcile>(
    `select ${COLUMNS} from roster_reconciles
     where provider_id = $1::uuid and state = 'running'`,
    [providerId],
  )
  return rows[0]
}

/** The provider's comparison that writes to the target at this moment. */
export async function findWritingReconcile(
  db: Queryable,
  providerId: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    `select id from roster_reconciles
     where provider_id = $1::uuid and state = 'running' and is_writing`,
    [providerId],
  )
  return rows[0]?.id
}

/** A tenant's reports, the newest first. */
export async function listRosterReconciles(
  db: Queryable,
  page: {
    readonly tenant: string
    readonly providerId?: string | undefined
    readonly after?: { readonly startedAt: string; readonly id: string } | undefined
    readonly limit: number
  },
): Promise<RosterReconcile[]> {
  const { rows } = await db.query<RosterReconcile>(
    `select ${COLUMNS} from roster_reconciles
     where tenant = $1::text and ($2::uuid is null or provider_id = $2::uuid)
       and ($3::timestamptz is null or (started_at, id) < ($3::timestamptz, $4::uuid))
     order by started_at desc, id desc
     limit $5::integer`,
    [
      page.tenant,
      page.providerId ?? null,
      page.after?.startedAt ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  )
  return rows
}

/** A page of a report's entries, by type, kind and id. */
export async function listRosterDrifts(
  db: Queryable,
  page: {
    readonly id: string
    readonly after?: Pick<RosterDrift, 'type' | 'kind' | 'id'> | undefined
    readonly limit: number
  },
): Promise<RosterDrift[]> {
  const { after } = page
  const { rows } = await db.query<RosterDrift>(
    `select type, kind, id, fields, outcome, code from roster_drifts
     where reconcile_id = $1::uuid
       and ($2::text is null or (type, kind, id) > ($2::text, $3::text, $4::text))
     order by type, kind, id
     limit $5::integer`,
    [page.id, after?.type ?? null, after?.kind ?? null, after?.id ?? null, page.limit],
  )
  return rows
}

/** True once a run has written, or might have, since the report was opened: it is not of one moment. */
export async function wasOvertaken(
  tx: Queryable,
  { providerId, startedAt }: RosterReconcile,
): Promise<boolean> {
  const { rows } = await tx.query(
    `select from roster_runs
     where provider_id = $1::uuid and not dry_run and (
       state in ('queued', 'pulling', 'planning', 'applying')
       or state <> 'discarded' and ended_at >= $2::timestamptz
       or state = 'held' and created_at >= $2::timestamptz)
     limit 1`,
    [providerId, startedAt],
  )
  return rows.length > 0
}

/** What was applied to these accounts of a target. */
export async function listAppliedTo(
  db: Queryable,
  providerId: string,
  scimIds: readonly string[],
): Promise<AppliedAccount[]> {
  const { rows } = await db.query<AppliedAccount>(
    `select ${ACCOUNT_COLUMNS} from roster_accounts a
     where a.provider_id = $1::uuid and a.scim_id = any ($2::text[])`,
    [providerId, scimIds],
  )
  return rows
}

/** The next active accounts that no page has shown. */
export async function listUnseen(
  db: Queryable,
  { id, providerId, afterId }: RosterReconcile,
  limit: number,
): Promise<AppliedAccount[]> {
  const { rows } = await db.query<AppliedAccount>(
    `select ${ACCOUNT_COLUMNS} from roster_accounts a
     where a.provider_id = $1::uuid and a.is_active and ($3::text is null or a.id > $3::text)
       and not exists (
         select from roster_reconcile_seen s
         where s.reconcile_id = $2::uuid and not s.is_group and s.scim_id = a.scim_id)
     order by a.id
     limit $4::integer`,
    [providerId, id, afterId, limit],
  )
  return rows
}

export type GroupOfPeople = {
  readonly type: RosterType
  readonly id: string
  readonly scimId: string
  /** By the source's ids beside the target's. */
  readonly members: Readonly<Record<string, string>>
}

/** The groups that these people are in, as it was applied. */
export async function listGroupsOf(
  db: Queryable,
  providerId: string,
  userIds: readonly string[],
): Promise<GroupOfPeople[]> {
  const { rows } = await db.query<GroupOfPeople>(
    `select g.type, g.id, g.scim_id as "scimId", jsonb_object_agg(a.id, a.scim_id) as members
     from roster_members m
     join roster_groups g
       on g.provider_id = m.provider_id and g.type = m.type and g.id = m.group_id
     join roster_accounts a on a.provider_id = m.provider_id and a.id = m.user_id
     where m.provider_id = $1::uuid and m.user_id = any ($2::text[])
     group by g.type, g.id, g.scim_id
     order by g.type, g.id`,
    [providerId, userIds],
  )
  return rows
}

/** Says that the comparison writes now; `bookReconciled` takes it back. */
export async function markWriting(tx: Queryable, id: string): Promise<void> {
  await tx.query('update roster_reconciles set is_writing = true where id = $1::uuid', [id])
}

export type ReconciledPart = {
  readonly phase: ReconcilePhase
  readonly nextIndex: number | null
  readonly afterId: string | null
  readonly kept: readonly string[]
  readonly seenScimIds: readonly string[]
  /** Accounts that were compared, and groups. */
  readonly compared: number
  readonly groups: number
  readonly drifts: readonly RosterDrift[]
}

/** Adds a part to a report, once however often it is done. */
export async function bookReconciledPart(
  tx: Queryable,
  report: RosterReconcile,
  part: ReconciledPart,
): Promise<void> {
  const { drifts } = part
  const count = (test: (drift: RosterDrift) => boolean): number => drifts.filter(test).length
  const { rowCount } = await tx.query(
    `update roster_reconciles
     set next_index = $4::integer, after_id = $5::text, kept = $6::text[], is_writing = false,
       compared = compared + $7::integer, missing = missing + $8::integer,
       differs = differs + $9::integer, inactive = inactive + $10::integer,
       unexpected = unexpected + $11::integer, repaired = repaired + $12::integer,
       failed = failed + $13::integer, phase = $14::text, groups = groups + $15::integer
     where id = $1::uuid and state = 'running' and next_index is not distinct from $2::integer
       and after_id is not distinct from $3::text and phase = $16::text`,
    [
      report.id,
      report.nextIndex,
      report.afterId,
      part.nextIndex,
      part.afterId,
      part.kept,
      part.compared,
      ...(['missing', 'differs', 'inactive', 'unexpected'] as const).map((kind) =>
        count((drift) => drift.kind === kind),
      ),
      count(({ outcome }) => outcome === 'repaired'),
      count(({ outcome }) => outcome === 'failed'),
      part.phase,
      part.groups,
      report.phase,
    ],
  )
  if (rowCount === 0) return
  await tx.query(
    `insert into roster_reconcile_seen (reconcile_id, is_group, scim_id)
     select $1::uuid, $3::boolean, unnest($2::text[]) on conflict do nothing`,
    [report.id, part.seenScimIds, report.phase === 'groups'],
  )
  await tx.query(
    `insert into roster_drifts (reconcile_id, type, kind, id, fields, outcome, code)
     select $1::uuid, d.type, d.kind, d.id, d.fields, d.outcome, d.code
     from jsonb_to_recordset($2::jsonb)
       as d (type text, kind text, id text, fields text[], outcome text, code text)
     limit greatest(
       $3::integer - (select count(*) from roster_drifts where reconcile_id = $1::uuid), 0)
     on conflict do nothing`,
    [report.id, JSON.stringify(drifts), MAX_DRIFTS],
  )
}
