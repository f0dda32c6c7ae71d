import { handOverStart } from '../../connectors/temporal.ts'
import { sendSignal } from '../../connectors/temporal-update.ts'
import {
  rosterStopSignal,
  rosterSyncWorkflowType,
  rosterWorkflowId,
} from '../../core/roster/workflow.ts'
import { listRosterRuns } from '../../db/roster/history.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { wakeStrandedRuns, wakeWaitingRun } from '../../db/roster/stranded.ts'
import { keepHistory } from '../support/history.ts'
import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { waitUntil } from '../support/polling.ts'
import { twoSchools } from '../support/roster-records.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

// Told by a heartbeat alone, an activity would hear of a stop later.
const PATIENCE_MS = 12_000

let site: RosterSite
let source: MemorySource
let target: MemoryTarget
let provider: string

beforeAll(async () => {
  site = await startRosterSite({ plain: true })
})
beforeEach(async () => {
  source = new MemorySource()
  target = new MemoryTarget()
  provider = await site.addProvider({ source, target })
  source.put(...twoSchools())
})
afterAll(async () => {
  await site.close()
})

async function setPauses(pauses: readonly object[]): Promise<void> {
  await site.database.db.query(
    `update roster_providers set settings = settings || jsonb_build_object('pauses', $2::jsonb)
     where id = $1::uuid`,
    [provider, JSON.stringify(pauses)],
  )
}

async function keep(run: RosterRun, branch: string): Promise<void> {
  const workflowId = rosterWorkflowId(run.id, 'pulling')
  await keepHistory(site.temporal, { workflowId, workflowType: rosterSyncWorkflowType, branch })
}

test('a run that is asked to stop while it reads ends within seconds, and the next one goes on', async () => {
  let isReading = false
  source.beforePage = async ({ signal }) => {
    isReading = true
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await site.start(provider)
  await waitUntil('it reads', async () => await Promise.resolve(isReading))
  const asked = Date.now()
  await site.database.db.query(
    'update roster_runs set stop_requested_at = now() where id = $1::uuid',
    [id],
  )
  const stopped = await site.waitForEnd(id)
  expect(Date.now() - asked).toBeLessThan(PATIENCE_MS)
  expect(stopped.state).toBe('stopped')
  await keep(stopped, 'stopped')
  source.beforePage = () => {}
  expect(await site.sync(provider)).toMatchObject({ state: 'succeeded' })
})

test('a run that is stopped while it writes keeps what is written, and the next one adds the rest', async () => {
  let asked = 0
  target.beforeWrite = async (signal) => {
    if (target.writes < 7) return
    asked ||= Date.now()
    await site.database.db.query('update roster_runs set stop_requested_at = now() where id = $1', [
      id,
    ])
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await site.start(provider)
  const stopped = await site.waitForEnd(id)
  expect(stopped).toMatchObject({ state: 'stopped', counts: { users: { created: 7 } } })
  expect(Date.now() - asked).toBeLessThan(PATIENCE_MS)
  target.beforeWrite = () => {}
  expect(await site.sync(provider)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 13, unchanged: 7 } },
  })
})

test('the run of a schedule is added by itself, and not while another one is under way', async () => {
  const startBySchedule = async (workflowId: string): Promise<void> => {
    await handOverStart(site.temporal.client, {
      workflowId,
      workflowType: rosterSyncWorkflowType,
      taskQueue: site.worker.taskQueue,
      input: { providerId: provider, mode: 'full', trigger: 'schedule' },
      summary: 'Syncs a roster',
      requestId: 'r-2',
    })
    await site.temporal.client.call(
      async (client) => await client.workflow.getHandle(workflowId).result(),
      { deadlineMs: 60_000 },
    )
  }
  await startBySchedule(`schedule-1:${provider}`)
  const [run] = await listRuns()
  expect(run).toMatchObject({ state: 'succeeded', trigger: 'schedule', startedBy: null })
  await keepHistory(site.temporal, {
    workflowId: `schedule-1:${provider}`,
    workflowType: rosterSyncWorkflowType,
    branch: 'scheduled',
  })
  source.beforePage = async ({ signal }) => {
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await site.start(provider)
  await startBySchedule(`schedule-2:${provider}`)
  expect(await listRuns()).toHaveLength(2)
  await keepHistory(site.temporal, {
    workflowId: `schedule-2:${provider}`,
    workflowType: rosterSyncWorkflowType,
    branch: 'nothing-done',
  })
  await askToStop(id)
  await site.waitForEnd(id)
})

test('a run that an operator cancels ends as stopped, and the next one is not kept from its work', async () => {
  let isReading = false
  source.beforePage = async ({ signal }) => {
    isReading = true
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await site.start(provider)
  await waitUntil('it reads', async () => await Promise.resolve(isReading))
  await site.temporal.client.call(
    async (client) => await client.workflow.getHandle(rosterWorkflowId(id, 'pulling')).cancel(),
  )
  const cancelled = await site.waitForEnd(id)
  expect(cancelled.state).toBe('stopped')
  await keep(cancelled, 'cancelled')
  source.beforePage = () => {}
  expect(await site.sync(provider)).toMatchObject({ state: 'succeeded' })
})

test('a run under way waits for the end of a pause, and stops within it when it is asked to', async () => {
  source.beforePage = async () => {
    await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
  }
  const id = await site.start(provider)
  await waitUntil('it waits', async () => (await site.getRun(id)).pausedUntil !== null)
  expect(source.requests).toHaveLength(1)
  await askToStop(id)
  await sendSignal(site.temporal.client, {
    workflowId: rosterWorkflowId(id, 'pulling'),
    name: rosterStopSignal,
  })
  const stopped = await site.waitForEnd(id)
  expect(stopped).toMatchObject({ state: 'stopped', pausedUntil: null })
  await keep(stopped, 'stopped-in-a-pause')
})

test('a run that waits goes on at once when its pause is ended early, in the workflow of its schedule too', async () => {
  let isFirst = true
  source.beforePage = async () => {
    if (isFirst) await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
    isFirst = false
  }
  const workflowId = `schedule-woken:${provider}`
  await handOverStart(site.temporal.client, {
    workflowId,
    workflowType: rosterSyncWorkflowType,
    taskQueue: site.worker.taskQueue,
    input: { providerId: provider, mode: 'full', trigger: 'schedule' },
    summary: 'Syncs a roster',
    requestId: 'r-2',
  })
  await waitUntil('it waits', async () => (await listRuns())[0]?.pausedUntil instanceof Date)
  const [{ id } = { id: '' }] = await listRuns()
  await setPauses([])
  await wakeWaitingRun(site.database.db, provider)
  expect(await site.waitForEnd(id)).toMatchObject({ state: 'succeeded', pausedUntil: null })
  await keepHistory(site.temporal, {
    workflowId,
    workflowType: rosterSyncWorkflowType,
    branch: 'pause-ended-early',
  })
  const other = site.temporal.client.call(
    async (client) => await client.workflow.getHandle(rosterWorkflowId(id, 'pulling')).describe(),
  )
  await expect(other).rejects.toMatchObject({ code: 'run_not_found' })
})

test('a run that writes waits for a pause that somebody has set meanwhile', async () => {
  target.beforeWrite = async () => {
    await setPauses([{ from: '2020-01-01T00:00', to: '2999-01-01T00:00' }])
  }
  const id = await site.start(provider)
  await waitUntil('it waits', async () => (await site.getRun(id)).pausedUntil !== null)
  expect(await site.getRun(id)).toMatchObject({ state: 'applying' })
  expect(target.groups.size).toBe(0)
  await askToStop(id)
  await sendSignal(site.temporal.client, {
    workflowId: rosterWorkflowId(id, 'pulling'),
    name: rosterStopSignal,
  })
  expect(await site.waitForEnd(id)).toMatchObject({ state: 'stopped' })
})

test('a run whose workflow was ended by an operator goes on where it stood', async () => {
  source.pageSize = 7
  let isReading = false
  source.beforePage = async ({ cursor, signal }) => {
    if (cursor !== '7') return
    isReading = true
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
  }
  const id = await site.start(provider)
  await waitUntil('it reads', async () => await Promise.resolve(isReading))
  await site.temporal.client.call(
    async (client) => await client.workflow.getHandle(rosterWorkflowId(id, 'pulling')).terminate(),
  )
  source.beforePage = () => {}
  source.requests = []
  await wakeStrandedRuns(site.database.db, { seenBefore: new Date(Date.now() + 1_000), limit: 10 })
  expect(await site.waitForEnd(id)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 20 } },
  })
  // Sections were read but for the page under way.
  expect(source.requests.filter((request) => request.startsWith('schools'))).toEqual([])
  await keep(await site.getRun(id), 'woken')
})

test('nothing of a run is left in staging once it has ended', async () => {
  await site.sync(provider)
  const { rows } = await site.database.db.query(
    `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'staging' and relname like 'roster%'`,
  )
  expect(rows).toEqual([])
})

async function listRuns(): Promise<RosterRun[]> {
  return await listRosterRuns(site.database.db, {
    tenant: site.tenant,
    providerId: provider,
    limit: 10,
  })
}

async function askToStop(id: string): Promise<void> {
  await site.database.db.query(
    'update roster_runs set stop_requested_at = now() where id = $1::uuid',
    [id],
  )
}
