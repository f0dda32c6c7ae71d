import { handOverStart } from '../../connectors/temporal.ts'
import { sendSignal } from '../../connectors/temporal-update.ts'
import {
  rosterStopSignal,
  rosterSyncWorkflowType,
  rosterWorkflowId,
} from '../../core/roster/workflow.ts'
import { withTransaction } from '../../db/client.ts'
import { listRosterRuns } from '../../db/roster/history.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { wakeStrandedRuns, wakeWaitingRun } from '../../db/roster/stranded.ts'
import { keepHistory } from '../support/history.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { waitUntil } from '../support/polling.ts'
import { twoSchools } from '../support/roster-records.ts'

// Told by a heartbeat alone, an activity would hear of a stop later.
const PATIENCE_MS = 12_000

const district = setUpDistrict({ plain: true, records: twoSchools() })

async function setPauses(pauses: readonly object[]): Promise<void> {
  await district.db.query(
    `update roster_providers set settings = settings || jsonb_build_object('pauses', $2::jsonb)
     where id = $1::uuid`,
    [district.provider, JSON.stringify(pauses)],
  )
}

test('a run that is asked to stop while it reads ends within seconds, and the next one goes on', async () => {
  let isReading = false
  district.source.beforePage = async ({ signal }) => {
    isReading = true
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await district.start()
  await waitUntil('it reads', async () => await Promise.resolve(isReading))
  const asked = Date.now()
  await district.db.query('update roster_runs set stop_requested_at = now() where id = $1::uuid', [
    id,
  ])
  const stopped = await district.site.waitForEnd(id)
  expect(Date.now() - asked).toBeLessThan(PATIENCE_MS)
  expect(stopped.state).toBe('stopped')
  await district.keepHistory(stopped, 'stopped')
  district.source.beforePage = () => {}
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
})

test('a run that is stopped while it writes keeps what is written, and the next one adds the rest', async () => {
  let asked = 0
  district.target.beforeWrite = async (signal) => {
    if (district.target.writes < 7) return
    asked ||= Date.now()
    await district.db.query('update roster_runs set stop_requested_at = now() where id = $1', [id])
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await district.start()
  const stopped = await district.site.waitForEnd(id)
  expect(stopped).toMatchObject({ state: 'stopped', counts: { users: { created: 7 } } })
  expect(Date.now() - asked).toBeLessThan(PATIENCE_MS)
  district.target.beforeWrite = () => {}
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 13, unchanged: 7 } },
  })
})

test('the run of a schedule is added by itself, and not while another one is under way', async () => {
  const startBySchedule = async (workflowId: string): Promise<void> => {
    await handOverStart(district.site.temporal.client, {
      workflowId,
      workflowType: rosterSyncWorkflowType,
      taskQueue: district.site.worker.taskQueue,
      input: { providerId: district.provider, mode: 'full', trigger: 'schedule' },
      summary: 'Syncs a roster',
      requestId: 'r-2',
    })
    await district.site.temporal.client.call(
      async (client) => await client.workflow.getHandle(workflowId).result(),
      { deadlineMs: 60_000 },
    )
  }
  await startBySchedule(`schedule-1:${district.provider}`)
  const [run] = await listRuns()
  expect(run).toMatchObject({ state: 'succeeded', trigger: 'schedule', startedBy: null })
  await keepHistory(district.site.temporal, {
    workflowId: `schedule-1:${district.provider}`,
    workflowType: rosterSyncWorkflowType,
    branch: 'scheduled',
  })
  district.source.beforePage = async ({ signal }) => {
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await district.start()
  await startBySchedule(`schedule-2:${district.provider}`)
  expect(await listRuns()).toHaveLength(2)
  await keepHistory(district.site.temporal, {
    workflowId: `schedule-2:${district.provider}`,
    workflowType: rosterSyncWorkflowType,
    branch: 'nothing-done',
  })
  await askToStop(id)
  await district.site.waitForEnd(id)
})

test('a run that an operator cancels ends as stopped, and the next one is not kept from its work', async () => {
  let isReading = false
  district.source.beforePage = async ({ signal }) => {
    isReading = true
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await district.start()
  await waitUntil('it reads', async () => await Promise.resolve(isReading))
  await district.site.temporal.client.call(
    async (client) => await client.workflow.getHandle(rosterWorkflowId(id, 'pulling')).cancel(),
  )
  const cancelled = await district.site.waitForEnd(id)
  expect(cancelled.state).toBe('stopped')
  await district.keepHistory(cancelled, 'cancelled')
  district.source.beforePage = () => {}
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
})

test('a run under way waits for the end of a pause, and stops within it when it is asked to', async () => {
  district.source.beforePage = async () => {
    await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
  }
  const id = await district.start()
  await waitUntil('it waits', async () => (await district.site.getRun(id)).pausedUntil !== null)
  expect(district.source.requests).toHaveLength(1)
  await askToStop(id)
  await sendSignal(district.site.temporal.client, {
    workflowId: rosterWorkflowId(id, 'pulling'),
    name: rosterStopSignal,
  })
  const stopped = await district.site.waitForEnd(id)
  expect(stopped).toMatchObject({ state: 'stopped', pausedUntil: null })
  await district.keepHistory(stopped, 'stopped-in-a-pause')
})

test('a run that waits goes on at once when its pause is ended early, in the workflow of its schedule too', async () => {
  let isFirst = true
  district.source.beforePage = async () => {
    if (isFirst) await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
    isFirst = false
  }
  const workflowId = `schedule-woken:${district.provider}`
  await handOverStart(district.site.temporal.client, {
    workflowId,
    workflowType: rosterSyncWorkflowType,
    taskQueue: district.site.worker.taskQueue,
    input: { providerId: district.provider, mode: 'full', trigger: 'schedule' },
    summary: 'Syncs a roster',
    requestId: 'r-2',
  })
  await waitUntil('it waits', async () => (await listRuns())[0]?.pausedUntil instanceof Date)
  const [{ id } = { id: '' }] = await listRuns()
  await setPauses([])
  await wakeWaitingRun(district.db, district.provider)
  expect(await district.site.waitForEnd(id)).toMatchObject({
    state: 'succeeded',
    pausedUntil: null,
  })
  await keepHistory(district.site.temporal, {
    workflowId,
    workflowType: rosterSyncWorkflowType,
    branch: 'pause-ended-early',
  })
  const other = district.site.temporal.client.call(
    async (client) => await client.workflow.getHandle(rosterWorkflowId(id, 'pulling')).describe(),
  )
  await expect(other).rejects.toMatchObject({ code: 'run_not_found' })
})

test('a pause that is ended while a run is about to wait for it keeps nobody waiting', async () => {
  const { db } = district
  let ending = Promise.resolve()
  let isFirst = true
  district.source.beforePage = async () => {
    if (!isFirst) return
    isFirst = false
    await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
    await new Promise<void>((isEnding) => {
      ending = withTransaction(db, async (tx) => {
        await tx.query(
          `update roster_providers set settings = settings || '{"pauses": []}' where id = $1::uuid`,
          [district.provider],
        )
        await wakeWaitingRun(tx, district.provider)
        isEnding()
        await waitUntil('the run waits for the pause or for the settings', async () => {
          const { rows } = await db.query(
            `select from pg_stat_activity
             where datname = current_database() and wait_event = 'transactionid'`,
          )
          return rows.length > 0 || (await district.site.getRun(id)).pausedUntil !== null
        })
      })
    })
  }
  const id = await district.start()
  expect(await district.site.waitForEnd(id)).toMatchObject({ state: 'succeeded' })
  await ending
})

test('a run that writes waits for a pause that somebody has set meanwhile', async () => {
  district.target.beforeWrite = async () => {
    await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
  }
  const id = await district.start()
  await waitUntil('it waits', async () => (await district.site.getRun(id)).pausedUntil !== null)
  expect(await district.site.getRun(id)).toMatchObject({ state: 'applying' })
  expect(district.target.groups.size).toBe(0)
  await askToStop(id)
  await sendSignal(district.site.temporal.client, {
    workflowId: rosterWorkflowId(id, 'pulling'),
    name: rosterStopSignal,
  })
  expect(await district.site.waitForEnd(id)).toMatchObject({ state: 'stopped' })
})

test('a run whose workflow was ended by an operator goes on where it stood', async () => {
  district.source.pageSize = 7
  let isReading = false
  district.source.beforePage = async ({ cursor, signal }) => {
    if (cursor !== '7') return
    isReading = true
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await district.start()
  await waitUntil('it reads', async () => await Promise.resolve(isReading))
  await district.site.temporal.client.call(
    async (client) => await client.workflow.getHandle(rosterWorkflowId(id, 'pulling')).terminate(),
  )
  district.source.beforePage = () => {}
  district.source.requests = []
  await wakeStrandedRuns(district.db, {
    seenBefore: new Date(Date.now() + 1_000),
    limit: 10,
  })
  expect(await district.site.waitForEnd(id)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 20 } },
  })
  // Sections were read but for the page under way.
  expect(district.source.requests.filter((request) => request.startsWith('schools'))).toEqual([])
  await district.keepHistory(await district.site.getRun(id), 'woken')
})

test('nothing of a run is left in staging once it has ended', async () => {
  await district.sync()
  const { rows } = await district.db.query(
    `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'staging' and relname like 'roster%'`,
  )
  expect(rows).toEqual([])
})

async function listRuns(): Promise<RosterRun[]> {
  return await listRosterRuns(district.db, {
    tenant: district.site.tenant,
    providerId: district.provider,
    limit: 10,
  })
}

async function askToStop(id: string): Promise<void> {
  await district.db.query('update roster_runs set stop_requested_at = now() where id = $1::uuid', [
    id,
  ])
}
