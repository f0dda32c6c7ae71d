import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { handOverStart } from '../../connectors/temporal.ts'
import { workflowTypes } from '../../workflows/messages.ts'
import { fetchHistory, listHistories, replay } from '../support/history.ts'
import {
  buildTestBundle,
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
} from '../support/temporal.ts'

const histories = await listHistories()
const kept = histories.map((history) => history.workflowType)

let temporal: TestTemporal
let bundlePath: string

beforeAll(async () => {
  temporal = createTestTemporal()
  bundlePath = await buildTestBundle()
})
afterAll(async () => {
  await temporal.close()
  await rm(bundlePath)
})

test.each(Object.values(workflowTypes))('%s has kept histories', (workflowType) => {
  expect(kept).toContain(workflowType)
})

for (const { workflowType, branch, history } of histories) {
  test(`${workflowType} replays the history "${branch}"`, async () => {
    await expect(replay(history, { codec: temporal.codec })).resolves.toBeUndefined()
  })

  test(`${workflowType} refuses the history "${branch}" with another activity in it`, async () => {
    // Local activities are but markers.
    const other = JSON.stringify(history)
      .replace(/"activityType":\{"name":"\w+"\}/, '"activityType":{"name":"somethingElse"}')
      .replace('"markerName":"core_local_activity"', '"markerName":"something_else"')
    await expect(replay(JSON.parse(other), { codec: temporal.codec })).rejects.toThrow(
      /nondeterminism/i,
    )
  })
}

async function runEcho(): Promise<string> {
  const worker = await createTestWorker(temporal, {
    bundlePath,
    activities: { reply: async () => await Promise.resolve('done') },
  })
  const id = randomUUID()
  await handOverStart(temporal.client, {
    workflowId: id,
    workflowType: 'echo',
    taskQueue: worker.taskQueue,
    input: { id },
    summary: 'Echo an id',
    requestId: id,
  })
  await temporal.client.call(async (client) => await client.workflow.getHandle(id).result())
  await worker.close()
  return await fetchHistory(temporal, id)
}

test('an encrypted history replays with its key ring, and not as another workflow', async () => {
  const history = await runEcho()
  const options = { codec: temporal.codec, bundlePath }
  await expect(replay(JSON.parse(history), options)).resolves.toBeUndefined()
  const other = history.replaceAll('"name": "reply"', '"name": "somethingElse"')
  await expect(replay(JSON.parse(other), options)).rejects.toThrow(/nondeterminism/i)
})
