import { randomUUID } from 'node:crypto'
import { keepSchedules, type WantedSchedule } from '../../connectors/temporal-schedules.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestTemporal, type TestTemporal } from '../support/temporal.ts'

let temporal: TestTemporal
const prefix = `test-${randomUUID()}:`

beforeAll(() => {
  temporal = createTestTemporal()
})
afterAll(async () => {
  await keepSchedules(temporal.client, { prefix, wanted: [] })
  await temporal.close()
})

function want(name: string, when: WantedSchedule['when']): WantedSchedule {
  return {
    id: `${prefix}${name}`,
    when,
    workflowType: 'nothing',
    taskQueue: 'nobody',
    input: { name },
    summary: 'Does nothing',
  }
}

async function keep(...wanted: WantedSchedule[]) {
  return await keepSchedules(temporal.client, { prefix, wanted })
}

/** The list of schedules lags behind what was done. */
async function untilListed(count: number): Promise<void> {
  await waitUntil(`${count} schedules are listed`, async () => {
    const ids = await temporal.client.call(async (client) => {
      const { namespace } = temporal
      const { schedules } = await client.workflowService.listSchedules({ namespace })
      return schedules.filter(({ scheduleId }) => scheduleId?.startsWith(prefix))
    })
    return ids.length === count
  })
}

test('keepSchedules() creates, changes and removes until they are as wanted', async () => {
  const [hourly, nightly] = [
    want('hourly', { everyMs: 3_600_000 }),
    want('nightly', { cron: '0 2 * * *', timeZone: 'Europe/Paris' }),
  ]
  expect(await keep(hourly, nightly)).toMatchObject({ created: [hourly.id, nightly.id] })
  await untilListed(2)
  expect(await keep(hourly, nightly)).toEqual({ created: [], changed: [], removed: [] })
  const daily = want('hourly', { everyMs: 86_400_000 })
  expect(await keep(daily, nightly)).toEqual({ created: [], changed: [daily.id], removed: [] })
  await untilListed(2)
  const spec = await temporal.client.call(
    async (client) => (await client.schedule.getHandle(daily.id).describe()).spec,
  )
  expect(spec.intervals).toMatchObject([{ every: 86_400_000 }])
  expect(await keep(nightly)).toEqual({ created: [], changed: [], removed: [daily.id] })
})

test('schedules that others have made, with keys of theirs, are left alone', async () => {
  const other = createTestTemporal()
  const theirs = { ...want('theirs', { everyMs: 60_000 }), id: `other-${prefix}` }
  await keepSchedules(other.client, { prefix: theirs.id, wanted: [theirs] })
  await waitUntil('theirs is listed', async () => {
    const again = await keepSchedules(other.client, { prefix: theirs.id, wanted: [theirs] })
    return again.created.length === 0
  })
  expect(await keep()).toMatchObject({ created: [], changed: [] })
  expect((await keepSchedules(other.client, { prefix: theirs.id, wanted: [] })).removed).toEqual([
    theirs.id,
  ])
  await other.close()
})
