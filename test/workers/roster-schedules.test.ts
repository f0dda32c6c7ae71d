import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { providerSchema, type ProviderSettings } from '../../core/roster/provider.ts'
import { rosterScheduleId } from '../../core/roster/workflow.ts'
import {
  findAnyRosterProvider,
  insertRosterProvider,
  removeRosterProvider,
  setProviderPaused,
  updateRosterProvider,
} from '../../db/roster/providers.ts'
import type { Loop } from '../../workers/loop.ts'
import { registerWithTemporal } from '../../workers/registration.ts'
import { startRosterSchedules } from '../../workers/roster-schedules.ts'
import { startRosterWakes } from '../../workers/roster-wakes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/polling.ts'
import { createProviderBody } from '../support/rosters.ts'
import { createTestTemporal, silentLog, type TestTemporal } from '../support/temporal.ts'

const tenant = 'spring-valley'

let database: TestDatabase
let temporal: TestTemporal
let loop: Loop | undefined

beforeAll(async () => {
  database = await createTestDatabase()
  // Workers of other tests keep theirs in the usual one.
  temporal = createTestTemporal({ namespace: `rosters-${randomUUID()}` })
  await waitUntil('the namespace is known', async () => {
    return await registerWithTemporal(temporal.client, silentLog).then(
      () => true,
      () => false,
    )
  })
})
afterEach(async () => {
  await database.db.query('update roster_providers set removed_at = now(), updated_at = now()')
  if (loop) await settleOn({})
  await loop?.close()
  loop = undefined
})
afterAll(async () => {
  await temporal.close()
  await database.close()
})

function startKeeping(): void {
  loop = startRosterSchedules({
    db: database.db,
    temporal: temporal.client,
    intervalSeconds: 3600,
    log: silentLog,
  })
}

function createSettings(change: object): ProviderSettings {
  return providerSchema.parse(createProviderBody(change))
}

async function add(change: object): Promise<string> {
  const id = randomUUID()
  await insertRosterProvider(database.db, { id, tenant, settings: createSettings(change) })
  return id
}

/** What is there, as text by id. */
async function readSchedules(): Promise<Record<string, string>> {
  return await temporal.client.call(async (client) => {
    const found: Record<string, string> = {}
    const { namespace } = temporal
    const { schedules } = await client.workflowService.listSchedules({ namespace })
    for (const { scheduleId } of schedules) {
      if (!scheduleId?.startsWith('roster:')) continue
      const { spec, state, policies } = await client.schedule.getHandle(scheduleId).describe()
      const every = spec.intervals?.map(({ every: ms }) => `every ${String(ms)}`) ?? []
      const zone = spec.timezone === undefined || spec.timezone === '' ? [] : [spec.timezone]
      const paused = state.paused ? ['paused'] : []
      found[scheduleId] = [...every, ...zone, policies.overlap, ...paused].join(' ')
    }
    return found
  })
}

/** What is there once it is as wanted, or after a while that should have been enough. */
async function settleOn(wanted: Record<string, string>): Promise<Record<string, string>> {
  let found: Record<string, string> = {}
  await waitUntil('the schedules are as wanted', async () => {
    // One that is removed is listed a moment longer.
    found = await readSchedules().catch(() => ({ none: 'yet' }))
    return isDeepStrictEqual(found, wanted)
  }).catch(() => {})
  return found
}

async function expectSchedules(wanted: Record<string, string>): Promise<void> {
  expect(await settleOn(wanted)).toEqual(wanted)
}

test('schedules follow a provider that is added, changed, paused, resumed and removed', async () => {
  startKeeping()
  const id = await add({ schedule: { everySeconds: 900 }, timeZone: 'America/Chicago' })
  const [incremental, full] = [rosterScheduleId(id, 'incremental'), rosterScheduleId(id, 'full')]
  const nightly = 'America/Chicago SKIP'
  await expectSchedules({ [incremental]: 'every 900000 BUFFER_ONE', [full]: nightly })
  const change = { schedule: { everySeconds: 1800 }, timeZone: 'America/Chicago' }
  const settings = createSettings(change)
  await updateRosterProvider(database.db, {
    id,
    tenant,
    version: 1,
    settings,
    isOtherRoster: false,
  })
  await expectSchedules({ [incremental]: 'every 1800000 BUFFER_ONE', [full]: nightly })
  await setProviderPaused(database.db, { id, tenant, isPaused: true })
  await expectSchedules({
    [incremental]: 'every 1800000 BUFFER_ONE paused',
    [full]: `${nightly} paused`,
  })
  await setProviderPaused(database.db, { id, tenant, isPaused: false })
  await expectSchedules({ [incremental]: 'every 1800000 BUFFER_ONE', [full]: nightly })
  await removeRosterProvider(database.db, { id, tenant })
  expect(await settleOn({})).toEqual({})
})

test('what has drifted meanwhile is put right at the start', async () => {
  const id = await add({ schedule: { cron: '0 * * * *' } })
  const silent = await add({ schedule: null })
  startKeeping()
  const wanted = {
    [rosterScheduleId(id, 'incremental')]: 'UTC BUFFER_ONE',
    [rosterScheduleId(id, 'full')]: 'UTC SKIP',
  }
  expect(await settleOn(wanted)).toEqual(wanted)
  await loop?.close()
  await temporal.client.call(async (client) => {
    await client.schedule.getHandle(rosterScheduleId(id, 'full')).delete()
    await client.schedule.getHandle(rosterScheduleId(id, 'incremental')).pause()
    const { schedule } = client
    await schedule.create({
      scheduleId: rosterScheduleId(silent, 'full'),
      spec: { intervals: [{ every: '1 day' }] },
      action: { type: 'startWorkflow', workflowType: 'nothing', taskQueue: 'nobody' },
    })
  })
  startKeeping()
  expect(await settleOn(wanted)).toEqual(wanted)
})

test('a run that a webhook asked for starts once the one under way has ended', async () => {
  const id = await add({ schedule: null })
  await database.db.query(
    `insert into roster_runs (id, tenant, provider_id, mode, trigger, state, request_id)
     values ($1, $2, $3, 'full', 'manual', 'pulling', 'test')`,
    [randomUUID(), tenant, id],
  )
  await database.db.query('update roster_providers set wake_at = now() where id = $1', [id])
  const countRuns = async (): Promise<number> => {
    const { rows } = await database.db.query<{ count: number }>(
      `select count(*) from roster_runs where provider_id = $1 and trigger = 'webhook'`,
      [id],
    )
    return rows[0]?.count ?? 0
  }
  const wakes = startRosterWakes({
    db: database.db,
    temporal: temporal.client,
    log: silentLog,
  })
  try {
    await database.db.query(`update roster_runs set state = 'succeeded' where provider_id = $1`, [
      id,
    ])
    await waitUntil('a run is started', async () => (await countRuns()) === 1)
    expect((await findAnyRosterProvider(database.db, id))?.wakeAt).toBeNull()
  } finally {
    await wakes.close()
  }
})
