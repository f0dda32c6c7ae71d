import { listLanes, type LaneSink } from '../core/profile/lanes.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { enqueuePersons, listPersonsBehind } from '../db/profile/sinks.ts'
import { currentCause } from './context.ts'

export type SinkSweepDeps = { readonly db: Database; readonly sinks: readonly LaneSink[] }

export type SinkSweepActivities = {
  /** Queues the propagation of the next persons of whom the sink lacks something. */
  readonly sweepPage: (input: {
    readonly sink: string
    readonly cursor?: string | undefined
  }) => Promise<{ readonly persons: number; readonly cursor?: string }>
}

const PAGE_SIZE = 200

/** The activity of a sweep; its work is handed over by the relay. */
export function createSinkSweepActivities({ db, sinks }: SinkSweepDeps): SinkSweepActivities {
  return {
    async sweepPage({ sink, cursor }) {
      const lane = listLanes(sinks).find((known) => known.sink === sink)
      if (!lane) return { persons: 0 }
      const persons = await listPersonsBehind(db, { sink, after: cursor, limit: PAGE_SIZE })
      const { requestId = 'sweep' } = currentCause()
      await withTransaction(
        db,
        async (tx) => await enqueuePersons(tx, persons, { lane, requestId }),
      )
      const last = persons.length === PAGE_SIZE ? persons.at(-1) : undefined
      return { persons: persons.length, ...(last && { cursor: last.profileId }) }
    },
  }
}
