import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { ApplicationFailure } from '@temporalio/activity'
import { handOverStart } from '../../connectors/temporal.ts'
import { startTracing } from '../../connectors/tracing/tracing.ts'
import { startWorker } from '../../workers/main.ts'
import { fetchHistory, replay } from '../support/history.ts'
import { startTestApi } from '../support/http.ts'
import {
  attributesOf,
  startOtlpCollector,
  type ExportedSpan,
  type OtlpCollector,
} from '../support/otlp-collector.ts'
import { waitUntil } from '../support/polling.ts'
import {
  buildTestBundle,
  createTestTemporal,
  createTestWorker,
  getBundlePath,
  silentLog,
} from '../support/temporal.ts'
import { alabama, alabamaScope } from '../support/uploads.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = `00-${TRACE}-00f067aa0ba902b7-01`
const ERROR_CODE = 2

const record = {
  ssn: '987-12-3456',
  licenseType: 'audiologist',
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  givenName: 'Canarygiven',
  familyName: 'Canaryfamily',
  dateOfIssuance: '2010-06-06',
  dateOfExpiration: '2027-06-06',
  dateOfBirth: '1985-06-06',
  homeAddressStreet1: '123 Canary Street',
  homeAddressCity: 'Birmingham',
  homeAddressState: 'AL',
  homeAddressPostalCode: '35004',
}

let collector: OtlpCollector

beforeEach(async () => {
  collector = await startOtlpCollector()
})
afterEach(async () => await collector.close())

function getSpan(name: string): ExportedSpan {
  const span = collector.spans.find((candidate) => candidate.name === name)
  if (!span) throw new Error(`Cannot find the span "${name}"`)
  return span
}

test('one trace joins a request, the run that the relay starts, and its activities', async () => {
  const namespace = `traces-${randomUUID()}`
  // Without Temporal's address the API leaves every start to the relay.
  const api = await startTestApi({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } })
  const temporal = createTestTemporal({ namespace, ring: api.ring })
  const worker = await startWorker({
    config: {
      ...api.config,
      temporal: { ...api.config.temporal, address: temporal.address, namespace },
    },
    log: silentLog,
    bundlePath: getBundlePath(),
  })
  const taken = await api.call(alabama, {
    method: 'POST',
    scope: alabamaScope,
    json: [record],
    headers: { traceparent: CALLER, 'x-request-id': 'traced-post' },
  })
  const { uploadId, statusUrl } = (await taken.json()) as Record<string, string> // the contract
  await waitUntil('the ingest has ended', async () => {
    const answer = await api.call(String(statusUrl), { scope: alabamaScope })
    return ((await answer.json()) as { state: string }).state === 'completed'
  })
  const workflowId = `license-upload:${uploadId}`
  await temporal.client.call(async ({ workflow }) => await workflow.getHandle(workflowId).result())
  const history = await fetchHistory(temporal, workflowId)
  await worker.close()
  await api.close()
  await temporal.close()

  const request = getSpan('POST /v1/compacts/{compact}/jurisdictions/{jurisdiction}/licenses')
  const run = getSpan('RunWorkflow:licenseIngest')
  const joined = collector.spans.filter(({ traceId }) => traceId === TRACE)
  const activities = joined.filter(({ name }) => name.startsWith('RunActivity:'))
  expect(joined).toHaveLength(activities.length + 2)
  expect(request.parentSpanId).toBe('00f067aa0ba902b7')
  expect(run.parentSpanId).toBe(request.spanId)
  expect(attributesOf(run)).toMatchObject({
    temporalWorkflowId: workflowId,
    'registrar.request_id': 'traced-post',
  })
  expect(new Set(activities.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([run.spanId]))
  expect(activities.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'RunActivity:stageChunk',
      'RunActivity:applyChunk',
      'RunActivity:closeUpload',
    ]),
  )
  expect(collector.text()).not.toMatch(/canary|987-?12-?3456|test-client/i)
  await expect(replay(JSON.parse(history), temporal)).resolves.toBeUndefined()
})

test('spans of what failed tell its code and never its message', async () => {
  const temporal = createTestTemporal()
  const bundlePath = await buildTestBundle()
  const tracing = await startTracing({
    endpoint: collector.endpoint,
    service: 'test',
    version: '0',
    log: silentLog,
  })
  const reply = async (): Promise<never> => {
    await Promise.resolve()
    throw ApplicationFailure.nonRetryable('canary', 'broken')
  }
  const worker = await createTestWorker(temporal, { bundlePath, tracing, activities: { reply } })
  const id = randomUUID()
  await handOverStart(temporal.client, {
    workflowId: id,
    workflowType: 'fail',
    taskQueue: worker.taskQueue,
    input: { id },
    summary: 'Fail',
    requestId: id,
    traceparent: CALLER,
  })
  const result = temporal.client.call(async ({ workflow }) => await workflow.getHandle(id).result())
  await expect(result).rejects.toMatchObject({ code: expect.any(String) as string })
  await worker.close()
  await tracing?.close()
  await temporal.close()
  await rm(bundlePath)
  expect(getSpan('RunActivity:reply').status).toEqual({ code: ERROR_CODE, message: 'broken' })
  expect(getSpan('RunWorkflow:fail').status).toEqual({
    code: ERROR_CODE,
    message: 'failed_on_purpose',
  })
  expect(collector.text()).not.toContain('canary')
})
