import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { pino } from 'pino'
import { createTemporalClient, handOverStart, type TemporalClient } from '../connectors/temporal.ts'
import { createKeyRing, generateKeyRingDocument } from '../crypto/key-ring.ts'
import { createPayloadCodec } from '../crypto/payload-codec.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { deleteStart, enqueueStart } from '../db/workflow-starts.ts'
import { buildWorkflowBundle } from '../workers/bundle.ts'
import { createQueueWorker } from '../workers/queue-worker.ts'
import { installRuntime } from '../workers/runtime.ts'
import type { EngineActivities } from './engine-workflows.ts'
import { median, quantile, timeMs, type BenchReport, type BenchRow } from './report.ts'
import { startStack } from './stack.ts'

const NAMESPACE = 'default'
const OURS = 'bench-ours'
const PLAIN = 'bench-plain'
const ONE_BY_ONE = 100
const AT_ONCE = 400
const LANES = 16

type Run = (workflowType: string) => Promise<void>
type Sides = { readonly plain: Run; readonly ours: Run; readonly firstActivityMs: number[] }

/**
 * Runs of ours (outbox row, hand-over, codec, interceptors) against the same workflows through the
 * bare SDK, on the same server in the same run: an empty one, and one with an activity.
 */
export async function engineBench({ repeats }: { readonly repeats: number }): Promise<BenchReport> {
  const stack = await startStack()
  try {
    const rows: BenchRow[] = []
    await withSides(stack, async (sides) => {
      for (const workflowType of ['empty', 'smallest']) {
        for (let round = 1; round <= repeats; round += 1) {
          rows.push(await measure(sides, workflowType, round))
        }
      }
    })
    const against = 'the bare SDK with an empty workflow on the same server'
    return { name: 'engine', against, rows: [...rows, summarise(rows)] }
  } finally {
    await stack.stop()
  }
}

async function measure(sides: Sides, workflowType: string, round: number): Promise<BenchRow> {
  sides.firstActivityMs.length = 0
  const plain = await load(sides.plain, workflowType)
  const ours = await load(sides.ours, workflowType)
  const firstMs = sides.firstActivityMs.slice(0, ONE_BY_ONE)
  return {
    workflow: workflowType,
    round,
    'plain p50 ms': plain.p50Ms,
    'ours p50 ms': ours.p50Ms,
    'ours p99 ms': ours.p99Ms,
    ...(firstMs.length === 0 ? {} : { 'first activity p50 ms': median(firstMs) }),
    'plain/s': plain.perSecond,
    'ours/s': ours.perSecond,
    ratio: ours.perSecond / plain.perSecond,
  }
}

async function load(
  run: Run,
  workflowType: string,
): Promise<{ p50Ms: number; p99Ms: number; perSecond: number }> {
  const samples: number[] = []
  for (let n = 0; n < ONE_BY_ONE; n += 1)
    samples.push(await timeMs(async () => await run(workflowType)))
  let left = AT_ONCE
  const totalMs = await timeMs(async () => {
    const lanes = Array.from({ length: LANES }, async () => {
      while (left-- > 0) await run(workflowType)
    })
    await Promise.all(lanes)
  })
  const perSecond = (AT_ONCE * 1000) / totalMs
  return { p50Ms: median(samples), p99Ms: quantile(samples, 0.99), perSecond }
}

// What counts: our smallest run beside the empty one of the bare SDK.
function summarise(rows: readonly BenchRow[]): BenchRow {
  const empty = rows.filter((row) => row['workflow'] === 'empty')
  const smallest = rows.filter((row) => row['workflow'] === 'smallest')
  const peer = median(empty.map((row) => Number(row['plain/s'])))
  const ours = median(smallest.map((row) => Number(row['ours/s'])))
  return {
    workflow: 'our smallest / plain empty',
    'plain p50 ms': median(empty.map((row) => Number(row['plain p50 ms']))),
    'ours p50 ms': median(smallest.map((row) => Number(row['ours p50 ms']))),
    'plain/s': peer,
    'ours/s': ours,
    ratio: ours / peer,
  }
}

async function withSides(
  stack: { readonly temporalAddress: string; readonly databaseUrl: string },
  work: (sides: Sides) => Promise<void>,
): Promise<void> {
  installRuntime(pino({ level: 'silent' }))
  const directory = await mkdtemp(join(tmpdir(), 'registrar-bench-bundle-'))
  const bundlePath = join(directory, 'bundle.js')
  const workflowsPath = fileURLToPath(new URL('./engine-workflows.js', import.meta.url))
  await writeFile(bundlePath, await buildWorkflowBundle({ workflowsPath }))
  const address = stack.temporalAddress
  const codec = createPayloadCodec({
    ring: createKeyRing(generateKeyRingDocument()),
    namespace: NAMESPACE,
  })
  const db = createDatabase({ connectionString: stack.databaseUrl, applicationName: 'bench' })
  const temporal = createTemporalClient({ address, namespace: NAMESPACE, codec })
  const plainConnection = await Connection.connect({ address })
  const connection = await NativeConnection.connect({ address })
  const clock = createClock()
  const plainWorker = await Worker.create({
    connection,
    taskQueue: PLAIN,
    workflowsPath,
    activities: { touch: async () => await Promise.resolve() },
  })
  const worker = await createQueueWorker({
    connection,
    namespace: NAMESPACE,
    taskQueue: OURS,
    codec,
    bundlePath,
    activities: clock.activities,
  })
  const plain = createPlainRun(new Client({ connection: plainConnection }))
  const ours = createOurRun({ db, temporal, onStart: clock.start })
  await plainWorker.runUntil(
    async () =>
      await worker.runUntil(
        async () => await work({ plain, ours, firstActivityMs: clock.samples }),
      ),
  )
  await Promise.all([connection.close(), plainConnection.close(), temporal.close(), db.end()])
  await rm(directory, { recursive: true })
}

function createClock(): {
  readonly samples: number[]
  readonly start: (id: string) => void
  readonly activities: EngineActivities
} {
  const started = new Map<string, number>()
  const samples: number[] = []
  return {
    samples,
    start: (id) => void started.set(id, performance.now()),
    activities: {
      async touch({ id }) {
        samples.push(performance.now() - (started.get(id) ?? Number.NaN))
        return await Promise.resolve()
      },
    },
  }
}

function createPlainRun(client: Client): Run {
  return async (workflowType) => {
    const id = randomUUID()
    await client.workflow.execute(workflowType, {
      workflowId: id,
      taskQueue: PLAIN,
      args: [{ id }],
    })
  }
}

function createOurRun(side: {
  readonly db: Database
  readonly temporal: TemporalClient
  readonly onStart: (id: string) => void
}): Run {
  return async (workflowType) => {
    const id = randomUUID()
    const start = {
      workflowId: id,
      workflowType,
      taskQueue: OURS,
      input: { id },
      summary: 'Benchmark',
      requestId: id,
    }
    side.onStart(id)
    const row = await enqueueStart(side.db, start)
    await handOverStart(side.temporal, start)
    await deleteStart(side.db, row)
    await side.temporal.call(async (client) => await client.workflow.getHandle(id).result(), {
      deadlineMs: 60_000,
    })
  }
}
