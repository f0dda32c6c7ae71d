import { randomUUID } from 'node:crypto'
import { loadConfig } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { createTemporalClient, handOverStart, type TemporalClient } from '../connectors/temporal.ts'
import { createPayloadCodec } from '../crypto/payload-codec.ts'
import { policySchema } from '../core/approval/policy.ts'
import { openApproval } from '../db/approval/open.ts'
import { addPolicyVersion } from '../db/approval/policies.ts'
import { createDatabase, withTransaction, type Database } from '../db/client.ts'
import { addMember, createGroup } from '../db/user/groups.ts'
import { createUser } from '../db/user/users.ts'
import { deleteStart } from '../db/workflow-starts.ts'
import type { Stack } from './stack.ts'

export const voters = ['ada', 'grace', 'linus'] as const
export const SUBJECT_HASH = '5e'.repeat(32)

/** A Registrar with approvers, and a policy that needs all three of them. */
export type ApprovalSite = {
  readonly db: Database
  /** Opens an approval as a domain does, and hands its run over. */
  readonly open: () => Promise<string>
  readonly vote: (voter: string, approvalId: string) => Promise<{ readonly state: string }>
  readonly bulkVote: (voter: string, votes: readonly object[]) => Promise<readonly BulkResult[]>
  /** A page of the inbox: its address, or the first. */
  readonly readInbox: (voter: string, cursor?: string) => Promise<InboxPage>
  readonly close: () => Promise<void>
}

export type BulkResult = { readonly status: number; readonly state?: string }
export type InboxPage = { readonly items: readonly object[]; readonly next: string | null }

const TYPE = 'privilege-application'
const GROUP = 'bench_approvers'
const NAMESPACE = 'default'

/** Prepares a stack for approvals. */
export async function openSite(stack: Stack): Promise<ApprovalSite> {
  const db = createDatabase({ connectionString: stack.databaseUrl, applicationName: 'bench' })
  const ring = await loadKeyRing(loadConfig({ DATA_DIR: stack.dataDir }))
  const codec = createPayloadCodec({ ring, namespace: NAMESPACE })
  const address = stack.temporalAddress
  const temporal = createTemporalClient({ address, namespace: NAMESPACE, codec })
  await addApprovers(db)
  const tokens = new Map<string, string>()
  for (const voter of voters)
    tokens.set(voter, await stack.token('approval:vote', { subject: voter }))
  const send = async <T>(voter: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${stack.apiUrl}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${tokens.get(voter)}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
    })
    if (!answer.ok) throw new Error(`Cannot go on: ${path} answers ${answer.status}`)
    return (await answer.json()) as T // our own API
  }
  return {
    db,
    open: async () => await open(db, temporal),
    vote: async (voter, id) =>
      await send(voter, `/v1/approvals/${id}/votes`, {
        verdict: 'approve',
        subjectHash: SUBJECT_HASH,
      }),
    bulkVote: async (voter, votes) =>
      (await send<{ results: readonly BulkResult[] }>(voter, '/v1/approvals/bulk-votes', { votes }))
        .results,
    readInbox: async (voter, cursor) =>
      await send(
        voter,
        `/v1/approvals?mine=true&limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      ),
    async close() {
      await temporal.close()
      await db.end()
    },
  }
}

/** Fills the inbox with approvals like this one, without runs; returns how many are pending then. */
export async function fillInbox(
  db: Database,
  { like, upTo }: { readonly like: string; readonly upTo: number },
): Promise<number> {
  await db.query(
    `insert into approvals
     select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),
       'subject_id', gen_random_uuid(), 'expires_at', a.expires_at + n * interval '1 second'))).*
     from approvals a, generate_series(1, $2::integer
       - (select count(*) from approvals where state = 'open')::integer) n
     where a.id = $1::uuid`,
    [like, upTo],
  )
  await db.query('analyze approvals')
  const { rows } = await db.query<{ pending: number }>(
    `select count(*) as pending from approvals where state = 'open'`,
  )
  return rows[0]?.pending ?? 0
}

async function addApprovers(db: Database): Promise<void> {
  await createGroup(db, GROUP)
  for (const login of voters) {
    const email = `${login}@example.org`
    const user = await createUser(db, { login, email, name: login, source: 'manual' })
    await addMember(db, { group: GROUP, userId: user?.id ?? '' })
  }
  const document = policySchema.parse({
    stages: [{ name: 'review', approvers: { group: GROUP }, quorum: voters.length }],
    expiresAfter: 'P14D',
  })
  await addPolicyVersion(db, { type: TYPE, after: 0, document, changedBy: 'bench' })
}

async function open(db: Database, temporal: TemporalClient): Promise<string> {
  const { approvalId, queued } = await withTransaction(
    db,
    async (tx) =>
      await openApproval(tx, {
        type: TYPE,
        subject: { type: 'application', id: randomUUID(), hash: SUBJECT_HASH },
        summary: { title: 'Bench' },
        requester: 'requester',
        requestId: randomUUID(),
      }),
  )
  for (const { id, start } of queued) {
    await handOverStart(temporal, start, { deadlineMs: 60_000 })
    await deleteStart(db, id)
  }
  return approvalId
}
