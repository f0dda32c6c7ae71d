import type { LeafPath } from '../../core/profile/attributes.ts'
import type { Profile } from '../../core/profile/document.ts'
import type { Queryable } from '../client.ts'

/** The report on the signatures of the vault; attributes are counted, and persons. */
export type SignatureRun = {
  readonly id: string
  /** Whether what can be signed anew is. */
  readonly renew: boolean
  readonly state: 'running' | 'succeeded' | 'failed'
  readonly persons: number
  readonly current: number
  readonly renewable: number
  readonly renewed: number
  readonly expired: number
  readonly keyGone: number
  readonly startedBy: string
  readonly startedAt: Date
  readonly endedAt: Date | null
}

export type NewSignatureRun = Pick<SignatureRun, 'id' | 'renew' | 'startedBy'> & {
  /** Of the workflow that a schedule has started, whose id is not made of the run's. */
  readonly workflowId?: string | undefined
}

/** A signature that nobody here can renew. */
export type SignatureFault = {
  readonly profileId: string
  readonly attribute: LeafPath
  readonly publisher: string
  readonly reason: 'expired' | 'key_gone'
}

/** A person whose signatures are looked at. */
export type SignedPerson = {
  readonly profileId: string
  readonly userId: string
  readonly document: Profile
}

/** What a page comes to, but for what was renewed: that is booked with each person. */
export type SignaturePage = Pick<SignatureRun, 'persons' | 'current' | 'renewable'> & {
  readonly lastId: string
  readonly faults: readonly SignatureFault[]
}

const COLUMNS = `id, renew, state, persons, current, renewable, renewed, expired,
  key_gone as "keyGone", started_by as "startedBy", started_at as "startedAt",
  ended_at as "endedAt"`

/** Opens a run; undefined while another one is under way. */
export async function insertSignatureRun(
  tx: Queryable,
  run: NewSignatureRun,
): Promise<SignatureRun | undefined> {
  const { rows } = await tx.query<SignatureRun>(
    `insert into signature_runs (id, renew, started_by, workflow_id)
     values ($1::uuid, $2::boolean, $3::text, $4::text)
     on conflict ((true)) where state = 'running' do nothing
     returning ${COLUMNS}`,
    [run.id, run.renew, run.startedBy, run.workflowId ?? null],
  )
  return rows[0]
}

/** The look at the signatures with this id, if there is one. */
export async function findSignatureRun(
  db: Queryable,
  id: string,
): Promise<SignatureRun | undefined> {
  const { rows } = await db.query<SignatureRun>(
    `select ${COLUMNS} from signature_runs where id = $1::uuid`,
    [id],
  )
  return rows[0]
}

/** The newest look at the signatures, if there was any. */
export async function findLatestSignatureRun(db: Queryable): Promise<SignatureRun | undefined> {
  const { rows } = await db.query<SignatureRun>(
    `select ${COLUMNS} from signature_runs order by started_at desc, id desc limit 1`,
  )
  return rows[0]
}

/** The next persons who are not deleted, by the vault's id. */
export async function listSignedPersons(
  db: Queryable,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<SignedPerson[]> {
  const { rows } = await db.query<SignedPerson>(
    `select id as "profileId", user_id as "userId", document from profiles
     where ($1::uuid is null or id > $1::uuid) and deleted_at is null
     order by id
     limit $2::integer`,
    [after ?? null, limit],
  )
  return rows
}

/** Counts attributes that were signed anew, in the transaction that did it. */
export async function bookRenewed(tx: Queryable, id: string, count: number): Promise<void> {
  await tx.query('update signature_runs set renewed = renewed + $2::integer where id = $1::uuid', [
    id,
    count,
  ])
}

/** Adds a page to a run, once however often it is done. */
export async function bookSignatures(
  tx: Queryable,
  id: string,
  page: SignaturePage,
): Promise<void> {
  const { faults } = page
  const countOf = (reason: SignatureFault['reason']): number =>
    faults.filter((fault) => fault.reason === reason).length
  const { rowCount } = await tx.query(
    `update signature_runs
     set persons = persons + $2::integer, current = current + $3::integer,
       renewable = renewable + $4::integer, expired = expired + $5::integer,
       key_gone = key_gone + $6::integer, last_profile_id = $7::uuid
     where id = $1::uuid and (last_profile_id is null or last_profile_id < $7::uuid)`,
    [
      id,
      page.persons,
      page.current,
      page.renewable,
      countOf('expired'),
      countOf('key_gone'),
      page.lastId,
    ],
  )
  if (rowCount === 0) return
  await tx.query(
    `insert into signature_faults (run_id, profile_id, attribute, publisher, reason)
     select $1::uuid, f."profileId", f.attribute, f.publisher, f.reason
     from jsonb_to_recordset($2::jsonb)
       as f ("profileId" uuid, attribute text, publisher text, reason text)`,
    [id, JSON.stringify(faults)],
  )
}

/** Ends a run. */
export async function endSignatureRun(
  db: Queryable,
  id: string,
  state: 'succeeded' | 'failed',
): Promise<void> {
  await db.query(
    `update signature_runs set state = $2::text, ended_at = now()
     where id = $1::uuid and state = 'running'`,
    [id, state],
  )
}

export type SignatureFaultPage = {
  readonly runId: string
  readonly after: { readonly profileId: string; readonly attribute: string } | undefined
  readonly limit: number
}

/** A page of what a run could not renew, by person and attribute. */
export async function listSignatureFaults(
  db: Queryable,
  { runId, after, limit }: SignatureFaultPage,
): Promise<SignatureFault[]> {
  const { rows } = await db.query<SignatureFault>(
    `select profile_id as "profileId", attribute, publisher, reason from signature_faults
     where run_id = $1::uuid
       and ($2::uuid is null or (profile_id, attribute) > ($2::uuid, $3::text))
     order by profile_id, attribute
     limit $4::integer`,
    [runId, after?.profileId ?? null, after?.attribute ?? null, limit],
  )
  return rows
}
