import { filterProfile } from '../core/profile/filter.ts'
import { isSameJson } from '../core/profile/change.ts'
import type { ProfileSink, SinkDelivery } from '../core/profile/sink.ts'
import { withTransaction, type Database } from '../db/client.ts'
import {
  createReplica,
  findReplicaRow,
  removeReplicaRow,
  saveReplicaRow,
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
  const prepare = async (): Promise<void> => {
    made ??= withTransaction(db, async (tx) => await createReplica(tx, table))
    made.catch(() => (made = undefined))
    await made
  }
  const toVisible = (delivery: SinkDelivery): SinkDelivery => ({
    ...delivery,
    profile: filterProfile(delivery.profile, options),
  })
  return {
    name,
    kind: 'sql',
    async deliver(given) {
      await prepare()
      const delivery = toVisible(given)
      const before = await findReplicaRow(replica, delivery.userId)
      if (before && before.serial > delivery.serial) return { state: 'superseded' }
      if (isAsItShould(before, delivery)) return { state: 'succeeded', wrote: false }
      if (delivery.isDeleted) await removeReplicaRow(replica, delivery)
      else await saveReplicaRow(replica, delivery)
      const after = await findReplicaRow(replica, delivery.userId)
      if (after && after.serial > delivery.serial) return { state: 'superseded' }
      return { state: 'succeeded', wrote: true }
    },
    async compare(given) {
      await prepare()
      const delivery = toVisible(given)
      const row = await findReplicaRow(replica, delivery.userId)
      const isThere = row !== undefined && !row.isDeleted
      if (delivery.isDeleted) return isThere ? 'extra' : 'same'
      if (!isThere) return 'missing'
      return isAsItShould(row, delivery) ? 'same' : 'different'
    },
    close: async () => await Promise.resolve(),
  }
}

function isAsItShould(row: ReplicaRow | undefined, delivery: SinkDelivery): boolean {
  if (row?.serial !== delivery.serial || row.isDeleted !== delivery.isDeleted) return false
  return delivery.isDeleted || isSameJson(row.profile, delivery.profile)
}
