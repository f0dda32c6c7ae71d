import { filterProfile } from '../core/profile/filter.ts'
import { isSameJson } from '../core/profile/change.ts'
import type {
  ProfileSink,
  SinkComparison,
  SinkDelivery,
  SinkOutcome,
} from '../core/profile/sink.ts'
import { withTransaction, type Database } from '../db/client.ts'
import {
  createReplica,
  findReplicaRow,
  listReplicaColumns,
  removeReplicaRow,
  saveReplicaRow,
  type Replica,
  type ReplicaRow,
} from '../db/profile/replica.ts'

export type SqlSinkOptions = {
  readonly name: string
  readonly table: string
  /** What the table's readers may see. */
  readonly scopes: ReadonlySet<string>
  readonly db: Database
}

/** A table with a row per person, for consumers that read SQL; made when it is first written to. */
export function createSqlSink(options: SqlSinkOptions): ProfileSink {
  const { name, table, db } = options
  const replica = { db, table }
  let made: Promise<void> | undefined
  // What fails may have found a table that somebody has dropped: then it is made again.
  const withTable = async <T>(work: () => Promise<T>): Promise<T> => {
    made ??= withTransaction(db, async (tx) => await createReplica(tx, table))
    try {
      await made
      return await work()
    } catch (error) {
      made = undefined
      throw error
    }
  }
  const toVisible = (delivery: SinkDelivery): SinkDelivery => ({
    ...delivery,
    profile: filterProfile(delivery.profile, options),
  })
  return {
    name,
    kind: 'sql',
    deliver: async (given) => await withTable(async () => await bring(replica, toVisible(given))),
    compare: async (given) => await withTable(async () => await compare(replica, toVisible(given))),
    close: async () => await Promise.resolve(),
  }
}

async function bring(replica: Replica, delivery: SinkDelivery): Promise<SinkOutcome> {
  const before = await findReplicaRow(replica, delivery.userId)
  if (before && before.serial > delivery.serial) return { state: 'superseded' }
  if (isAsItShould(before, delivery)) return { state: 'succeeded', wrote: false }
  if (delivery.isDeleted) await removeReplicaRow(replica, delivery)
  else await saveReplicaRow(replica, delivery)
  const after = await findReplicaRow(replica, delivery.userId)
  if (after && after.serial > delivery.serial) return { state: 'superseded' }
  return { state: 'succeeded', wrote: true }
}

async function compare(replica: Replica, delivery: SinkDelivery): Promise<SinkComparison> {
  const row = await findReplicaRow(replica, delivery.userId)
  const isThere = row !== undefined && !row.isDeleted
  if (delivery.isDeleted) return isThere ? 'extra' : 'same'
  if (!isThere) return 'missing'
  return isAsItShould(row, delivery) ? 'same' : 'different'
}

function isAsItShould(row: ReplicaRow | undefined, delivery: SinkDelivery): boolean {
  if (row?.serial !== delivery.serial || row.isDeleted !== delivery.isDeleted) return false
  if (delivery.isDeleted) return true
  const { profile } = delivery
  return isSameJson(row.profile, profile) && isSameJson(row.columns, listReplicaColumns(profile))
}
