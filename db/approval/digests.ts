import type { Queryable } from '../client.ts'

/** An approval that waits for its reader, and why they are told: see `NoticeReason`. */
export type DigestItem = {
  readonly approvalId: string
  readonly type: string
  readonly reasons: readonly string[]
  readonly openedAt: string
  readonly expiresAt: string
}

/** What an approver was told at one time. */
export type ApprovalDigest = {
  readonly id: string
  readonly at: Date
  readonly items: readonly DigestItem[]
}

/** Items that the event of a digest spells out; the digest has all. */
const EVENT_ITEMS = 100

/**
 * Gathers up to `limit` notices into one digest for each approver whose turn it is, with an event
 * `approval.digest` for webhooks, and returns how many notices are done with. What was decided
 * meanwhile is told to nobody. Safe beside others.
 */
export async function gatherDigests(db: Queryable, limit: number): Promise<number> {
  const { rows } = await db.query<{ notices: number }>(
    `with taken as (
       delete from approval_notices
       where id in (
         select id from approval_notices order by id limit $1::integer for update skip locked
       )
       returning id, approval_id, reason, groups
     ), told as (
       select u.id as user_id, u.login, a.id, a.type, a.opened_at, a.expires_at,
         max(t.id) as last_notice, array_agg(distinct t.reason order by t.reason) as reasons
       from taken t
       join approvals a on a.id = t.approval_id and a.state = 'open'
       join group_members m on m.group_name = any(t.groups)
       join users u on u.id = m.user_id and u.status = 'active'
       where u.login_key is distinct from a.requester_key
         and u.login_key is distinct from a.beneficiary_key
       group by u.id, u.login, a.id
     ), digests as (
       select gen_random_uuid() as id, user_id, login, max(last_notice) as last_notice,
         count(*) as approvals,
         jsonb_agg(jsonb_build_object('approvalId', id, 'type', type, 'reasons', reasons,
           'openedAt', to_char(opened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'expiresAt', to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
           order by expires_at, id) as items
       from told
       group by user_id, login
     ), kept as (
       insert into approval_digests (id, user_id, last_notice, items)
       select id, user_id, last_notice, items from digests
     ), events as (
       insert into events (id, type, subject, data, request_id)
       select gen_random_uuid(), 'approval.digest', 'approval-digests/' || id,
         jsonb_build_object('digestId', id, 'login', login, 'approvals', approvals, 'items',
           jsonb_path_query_array(items, $2::jsonpath)),
         'digest-' || id
       from digests
     )
     select count(*) as notices from taken`,
    [limit, `$[0 to ${EVENT_ITEMS - 1}]`],
  )
  return rows[0]?.notices ?? 0
}

/** What a person was told, newest first. */
export async function listDigests(
  db: Queryable,
  query: {
    /** As `loginKey` makes it. */
    readonly person: string
    /** The last one seen. */
    readonly after: { readonly at: string; readonly id: string } | undefined
    readonly limit: number
  },
): Promise<ApprovalDigest[]> {
  const { rows } = await db.query<ApprovalDigest>(
    `select d.id, d.at, d.items
     from approval_digests d
     where d.user_id = (select id from users where login_key = $1::text)
       and ($2::timestamptz is null or (d.at, d.id) < ($2::timestamptz, $3::uuid))
     order by d.at desc, d.id desc
     limit $4::integer`,
    [query.person, query.after?.at ?? null, query.after?.id ?? null, query.limit],
  )
  return rows
}

/** The mail address of whom a digest is for, as long as they are active. */
export async function findDigestAddress(
  db: Queryable,
  digestId: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ email: string }>(
    `select u.email
     from approval_digests d join users u on u.id = d.user_id and u.status = 'active'
     where d.id = $1::uuid`,
    [digestId],
  )
  return rows[0]?.email
}

/** Forgets what people were told before a time. */
export async function deleteOldDigests(db: Queryable, before: Date): Promise<void> {
  await db.query('delete from approval_digests where at < $1::timestamptz', [before])
}
