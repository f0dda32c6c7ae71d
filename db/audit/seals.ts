import type { AuditSeal } from '../../core/audit/record.ts'
import { FIRST_PREVIOUS, LEAF_PREFIX_BYTES, sealStatement } from '../../crypto/audit-seal.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import { withTransaction, type Database, type Queryable } from '../client.ts'
import { storeSealKey } from './keys.ts'

export type SealOptions = {
  readonly ring: KeyRing
  /** The highest seq at or below which no entry can appear any more. */
  readonly settled: number
}

/** The last seal's place in the chain. */
export type SealHead = { readonly number: number; readonly to: number; readonly hash: string }

const LOCK_KEY = 7_265_671_842
const ENTRIES_PER_SEAL = 1_000
const SEALS_PER_ROUND = 50

/** Seals the settled entries that no seal covers; processes take turns. Answers the new seals' count. */
export async function sealSettled(db: Database, options: SealOptions): Promise<number> {
  let total = 0
  for (;;) {
    const count = await withTransaction(db, async (tx) => await sealRound(tx, options))
    total += count
    if (count < SEALS_PER_ROUND) return total
  }
}

// The head of the chain; number 0 before the first seal.
async function findSealHead(db: Queryable): Promise<SealHead> {
  const { rows } = await db.query<SealHead>(
    `select number, to_seq as to, encode(hash, 'hex') as hash
     from audit_seals order by number desc limit 1`,
  )
  return rows[0] ?? { number: 0, to: 0, hash: FIRST_PREVIOUS }
}

async function sealRound(tx: Queryable, { ring, settled }: SealOptions): Promise<number> {
  await tx.query('select pg_advisory_xact_lock($1::bigint)', [LOCK_KEY])
  const head = await findSealHead(tx)
  if (head.to >= settled) return 0
  const batches = await listBatches(tx, { after: head.to, upTo: settled })
  const seals = chainSeals(ring, { head, batches })
  if (seals.length === 0) return 0
  await storeSealKey(tx, ring)
  await insertSeals(tx, { seals, firstNumber: head.number + 1 })
  return seals.length
}

type Batch = {
  readonly to: number
  readonly entries: number
  readonly digest: string
  readonly leaves: Buffer
}

type SeqRange = { readonly after: number; readonly upTo: number }

async function listBatches(tx: Queryable, range: SeqRange): Promise<Batch[]> {
  const { rows } = await tx.query<Batch>(
    `with fresh as (
       select entry.seq, audit_digest(entry) as digest,
         (row_number() over (order by entry.seq) - 1) / $3::bigint as batch
       from audit_entries entry
       where entry.seq > $1::bigint and entry.seq <= $2::bigint
       order by entry.seq
       limit $4::bigint
     )
     select max(seq) as to,
       count(*)::integer as entries,
       encode(sha256(string_agg(digest, ''::bytea order by seq)), 'hex') as digest,
       string_agg(int8send(seq) || substring(digest for $5::integer), ''::bytea order by seq)
         as leaves
     from fresh group by batch order by batch`,
    [
      range.after,
      range.upTo,
      ENTRIES_PER_SEAL,
      ENTRIES_PER_SEAL * SEALS_PER_ROUND,
      LEAF_PREFIX_BYTES,
    ],
  )
  return rows
}

type Chain = { readonly head: SealHead; readonly batches: readonly Batch[] }

function chainSeals(ring: KeyRing, { head, batches }: Chain): AuditSeal[] {
  const at = new Date().toISOString()
  const seals: AuditSeal[] = []
  for (const { to, entries, digest, leaves } of batches) {
    const last = seals.at(-1)
    const from = (last?.to ?? head.to) + 1
    const previous = last?.hash ?? head.hash
    const statement = { from, to, entries, at, digest, leaves: leaves.toString('base64'), previous }
    seals.push(sealStatement(ring, statement))
  }
  return seals
}

type NewSeals = { readonly seals: readonly AuditSeal[]; readonly firstNumber: number }

async function insertSeals(tx: Queryable, { seals, firstNumber }: NewSeals): Promise<void> {
  await tx.query(
    `insert into audit_seals
       (number, from_seq, to_seq, entries, at, digest, leaves, previous, hash, kid, signature)
     select $1::bigint + position - 1, "from", "to", entries, at, decode(digest, 'hex'),
       decode(leaves, 'base64'), decode(previous, 'hex'), decode(hash, 'hex'), kid,
       decode(signature, 'base64')
     from rows from (jsonb_to_recordset($2::jsonb) as (
       "from" bigint, "to" bigint, entries integer, at timestamptz, digest text, leaves text,
       previous text, hash text, kid text, signature text
     )) with ordinality as seal (
       "from", "to", entries, at, digest, leaves, previous, hash, kid, signature, position
     )`,
    [firstNumber, JSON.stringify(seals)],
  )
}
