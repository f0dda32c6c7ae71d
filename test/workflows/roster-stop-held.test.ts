import { withTransaction } from '../../db/client.ts'
import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { waitUntil } from '../support/polling.ts'
import { twoSchools } from '../support/roster-records.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

let site: RosterSite

beforeAll(async () => {
  site = await startRosterSite({ plain: true })
})
afterAll(async () => {
  await site.close()
})

// The plan waits for the run's row, which is as good as written by whoever asks it to stop.
async function waitForPlan(): Promise<void> {
  await waitUntil('the plan is about to be kept', async () => {
    const { rows } = await site.database.db.query(
      `select from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'
         and wait_event = 'transactionid'`,
    )
    return rows.length > 0
  })
}

async function stopAtTheLastMoment(id: string): Promise<void> {
  const { db } = site.database
  await withTransaction(db, async (planning) => {
    // As the plan does, which begins when this is given back.
    const key = [`roster-run:${id}`]
    await planning.query('select pg_advisory_lock(hashtextextended($1::text, 0))', key)
    await waitUntil('it plans', async () => (await site.getRun(id)).state === 'planning')
    await withTransaction(db, async (tx) => {
      await tx.query('update roster_runs set stop_requested_at = now() where id = $1::uuid', [id])
      await planning.query('select pg_advisory_unlock(hashtextextended($1::text, 0))', key)
      await waitForPlan()
    })
  })
}

test('a run that is asked to stop when its guard has just tripped is stopped, not held', async () => {
  const source = new MemorySource()
  const target = new MemoryTarget()
  const provider = await site.addProvider({ source, target })
  source.put(...twoSchools())
  await site.sync(provider)
  for (const key of source.records.keys()) if (key.startsWith('users/')) source.records.delete(key)
  let reads = (): void => {}
  const asked = new Promise<void>((resolve) => {
    reads = resolve
  })
  source.beforePage = async () => await asked
  const id = await site.start(provider)
  const stopping = stopAtTheLastMoment(id)
  reads()
  await stopping
  expect(await site.waitForEnd(id)).toMatchObject({ state: 'stopped', approvalId: null })
  source.beforePage = () => {}
  expect(await site.sync(provider)).toMatchObject({ state: 'held', stopRequestedAt: null })
})
