import { randomUUID } from 'node:crypto'
import type { Logger } from '../config/log.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { listDueWakes, wakeRosterProvider } from '../db/roster/wake.ts'
import { startLoop, type Loop } from './loop.ts'

const LOOK_EVERY_MS = 1_000
const AT_ONCE = 100

/** Starts the runs that webhooks asked for while another one was under way. */
export function startRosterWakes({
  db,
  log,
}: {
  readonly db: Database
  readonly log: Logger
}): Loop {
  return startLoop({
    task: 'start the rosters that webhooks woke',
    log,
    intervalMs: LOOK_EVERY_MS,
    async step() {
      for (const providerId of await listDueWakes(db, AT_ONCE)) {
        const wake = { providerId, requestId: randomUUID(), now: new Date() }
        // The relay hands over what is queued.
        await withTransaction(db, async (tx) => await wakeRosterProvider(tx, wake))
      }
      return false
    },
  })
}
