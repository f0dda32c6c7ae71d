import type { RollbackCounts } from '../../core/license/rollback.ts'
import type { Queryable } from '../client.ts'
import type { Rollback } from './rollbacks.ts'

/** When the run that is taken back wrote its changes. */
export type RunWindow = { readonly from: Date; readonly to: Date }

/** Content that a license is to have again, without its keys. */
export type UnkeyedItem = {
  readonly position: number
  readonly licenseType: string
  /** By field; optional ones may be absent. */
  readonly content: Readonly<Record<string, string>>
}

/** What is derived of the content; the hash is hexadecimal. */
export type ItemKeys = {
  readonly position: number
  readonly familyNameKey: string
  readonly givenNameKey: string
  readonly contentHash: string
}

// The license stands as the run left it: an upload is named by what it wrote last, a rollback by
// being the last to change it.
const IS_CURRENT = `case when $3::text = 'upload' then coalesce(l.upload_id = $2::uuid, false)
    else ('licenseStatus' = any(own.removed_values)) = (l.provider_id is null) and not exists (
      select from license_history later
      where later.provider_id = own.provider_id and later.jurisdiction = $5::text
        and later.license_type = own.license_type and later.id > own.id
    ) end`

const KEEP_REASON = `case when not effect.is_current then 'changed-since'
    when effect.action <> 'remove' then null
    when l.encumbrance_status is not null or l.investigation_status is not null then 'marked'
    when exists (
      select from privileges p
      where p.provider_id = effect.provider_id and p.license_jurisdiction = $5::text
        and p.license_type = effect.license_type
    ) then 'privilege'
    when exists (
      select from providers p
      where p.provider_id = effect.provider_id and p.home_jurisdiction = $5::text
    ) then 'registered' end`

const STORED_LICENSE = (alias: string): string => `left join licenses l
    on l.provider_id = ${alias}.provider_id and l.jurisdiction = $5::text
    and l.license_type = ${alias}.license_type`

// $1: the rollback, $2 and $3: id and kind of its target, $4 and $5: compact and jurisdiction, $6 and
// $7: when the target wrote.
const OWN_CHANGES = `select id, provider_id, license_type, previous, updated_values, removed_values,
    effective_date, previous_upload_id, previous_record, previous_sequence, previous_created_at
  from license_history
  where effective_date between $6::timestamptz and $7::timestamptz
    and upload_id = $2::uuid and compact = $4::text and jurisdiction = $5::text`

const NOT_OWN = (alias: string): string => `not exists (
    select from own
    where own.provider_id = ${alias}.provider_id and own.license_type = ${alias}.license_type
  )`

const CHANGED = `select own.provider_id, own.license_type,
    case when own.previous = '{}' then 'remove'
      when l.provider_id is null then 'recreate' else 'restore' end as action,
    ${IS_CURRENT} as is_current, nullif(own.previous, '{}') as content, own.previous_upload_id,
    own.previous_record, own.previous_sequence, own.previous_created_at,
    case when own.updated_values ->> 'licenseStatus' = 'inactive'
      then own.effective_date end as deactivated_at
  from own ${STORED_LICENSE('own')}`

const CREATED = `select provider_id, license_type, 'remove', true, null, null, null, null, null, null
  from licenses created
  where compact = $4::text and jurisdiction = $5::text and upload_id = $2::uuid
    and ${NOT_OWN('created')}`

const CREATED_AND_CHANGED_SINCE = `select distinct provider_id, license_type, 'keep', false,
    null::jsonb, null::uuid, null::bigint, null::bigint, null::timestamptz, null::timestamptz
  from license_history since
  where effective_date >= $6::timestamptz and previous_upload_id = $2::uuid
    and compact = $4::text and jurisdiction = $5::text and ${NOT_OWN('since')}
    and not exists (
      select from licenses l
      where l.provider_id = since.provider_id and l.jurisdiction = $5::text
        and l.license_type = since.license_type and l.upload_id = $2::uuid
    )`

const TURNS = `case when action <> 'restore' then null
    when license_status = 'active' and content ->> 'licenseStatus' = 'inactive' then 'off'
    when license_status = 'inactive' and content ->> 'licenseStatus' = 'active' then 'on' end`

/**
 * Plans anew what becomes of every license that the run of the target created, changed or removed,
 * kept ones first. Content has no keys yet: see `listUnkeyedItems`.
 */
export async function writePlan(
  tx: Queryable,
  rollback: Rollback,
  { from, to }: RunWindow,
): Promise<void> {
  const { id, target, compact, jurisdiction } = rollback
  await tx.query('delete from license_rollback_items where rollback_id = $1::uuid', [id])
  // How many licenses a run has changed no statistics know: to take it for few, and look each up
  // among all others, would take hours.
  await tx.query('set local enable_nestloop = off')
  await tx.query(
    `with own as materialized (${OWN_CHANGES}), effects as (
       ${CHANGED} union all ${CREATED} union all ${CREATED_AND_CHANGED_SINCE}
     ), judged as (
       select effect.*, l.content_hash, l.upload_id, l.upload_sequence, l.license_status,
         ${KEEP_REASON} as reason
       from effects effect ${STORED_LICENSE('effect')}
     )
     insert into license_rollback_items
       (rollback_id, position, provider_id, license_type, action, reason, outcome, expected_hash,
        expected_upload_id, content, source_upload_id, source_record, source_sequence,
        source_created_at, turns, deactivated_at)
     select $1::uuid,
       row_number() over (order by (reason is null), provider_id, license_type), provider_id,
       license_type, case when reason is null then action else 'keep' end, reason,
       case when reason is not null then 'kept' end,
       case when reason is null then content_hash end,
       case when reason is null then upload_id end,
       case when reason is null then content end,
       coalesce(previous_upload_id, $1::uuid), coalesce(previous_record, 0),
       coalesce(previous_sequence, upload_sequence, 0), previous_created_at, ${TURNS},
       deactivated_at
     from judged`,
    [id, target.id, target.kind, compact, jurisdiction, from, to],
  )
  await tx.query('set local enable_nestloop = on')
}

/** Planned content whose keys are not known yet, in the order of positions after the one given. */
export async function listUnkeyedItems(
  tx: Queryable,
  rollbackId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<UnkeyedItem[]> {
  const { rows } = await tx.query<UnkeyedItem>(
    `select position, license_type as "licenseType", content
     from license_rollback_items
     where rollback_id = $1::uuid and outcome is null and content is not null
       and content_hash is null and position > $2::bigint
     order by position
     limit $3::integer`,
    [rollbackId, after, limit],
  )
  return rows
}

/** Keeps the keys of planned content. */
export async function recordItemKeys(
  tx: Queryable,
  rollbackId: string,
  keys: readonly ItemKeys[],
): Promise<void> {
  await tx.query(
    `update license_rollback_items i
     set family_name_key = k.family, given_name_key = k.given,
       content_hash = decode(k.hash, 'hex')
     from unnest($2::bigint[], $3::text[], $4::text[], $5::text[])
       as k (position, family, given, hash)
     where i.rollback_id = $1::uuid and i.position = k.position`,
    [
      rollbackId,
      keys.map(({ position }) => position),
      keys.map(({ familyNameKey }) => familyNameKey),
      keys.map(({ givenNameKey }) => givenNameKey),
      keys.map(({ contentHash }) => contentHash),
    ],
  )
}

/** What a plan comes to, and the SHA-256 of all that it says, in hexadecimal. */
export async function summarisePlan(
  tx: Queryable,
  rollbackId: string,
): Promise<{ readonly counts: RollbackCounts; readonly planHash: string }> {
  const { rows } = await tx.query<RollbackCounts & { planHash: string }>(
    `select count(*) filter (where action = 'restore') as restored,
       count(*) filter (where action = 'remove') as removed,
       count(*) filter (where action = 'recreate') as recreated,
       count(*) filter (where action = 'keep') as kept,
       encode(sha256(convert_to(coalesce(string_agg(
         concat_ws('/', provider_id, license_type, action, reason, encode(expected_hash, 'hex'),
           encode(content_hash, 'hex')),
         E'\\n' order by position), ''), 'UTF8')), 'hex') as "planHash"
     from license_rollback_items
     where rollback_id = $1::uuid`,
    [rollbackId],
  )
  const { planHash = '', restored = 0, removed = 0, recreated = 0, kept = 0 } = rows[0] ?? {}
  return { counts: { restored, removed, recreated, kept }, planHash }
}

/** Counts what was done by a rollback, and what was kept. */
export async function countDone(tx: Queryable, rollbackId: string): Promise<RollbackCounts> {
  const { rows } = await tx.query<RollbackCounts>(
    `select count(*) filter (where outcome = 'done' and action = 'restore') as restored,
       count(*) filter (where outcome = 'done' and action = 'remove') as removed,
       count(*) filter (where outcome = 'done' and action = 'recreate') as recreated,
       count(*) filter (where outcome = 'kept') as kept
     from license_rollback_items
     where rollback_id = $1::uuid`,
    [rollbackId],
  )
  return rows[0] ?? { restored: 0, removed: 0, recreated: 0, kept: 0 }
}

/** SQL: the license of item `i` of rollback `r`, as `l`, is not any more what the plan was made for. */
export const hasMovedOn = `case when i.action = 'recreate' then l.provider_id is not null
    else l.provider_id is null or l.content_hash <> i.expected_hash
      or l.upload_id <> i.expected_upload_id end`

/** True while every license that a plan is to change stands as it was planned. */
export async function isPlanCurrent(tx: Queryable, rollbackId: string): Promise<boolean> {
  const { rows } = await tx.query<{ current: boolean }>(
    `select not exists (
       select from license_rollback_items i
       join license_rollbacks r on r.id = i.rollback_id
       left join licenses l on l.provider_id = i.provider_id and l.jurisdiction = r.jurisdiction
         and l.license_type = i.license_type
       where i.rollback_id = $1::uuid and i.outcome is null and ${hasMovedOn}
     ) as current`,
    [rollbackId],
  )
  return rows[0]?.current ?? false
}
