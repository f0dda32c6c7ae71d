import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NativeConnection } from '@temporalio/worker'
import { pino } from 'pino'
import type { Logger } from '../../config/log.ts'
import {
  checkTemporal,
  createTemporalClient,
  type TemporalClient,
} from '../../connectors/temporal.ts'
import type { Tracing } from '../../connectors/tracing/tracing.ts'
import { createKeyRing, generateKeyRingDocument, type KeyRing } from '../../crypto/key-ring.ts'
import { createPayloadCodec, type PayloadCodec } from '../../crypto/payload-codec.ts'
import { buildWorkflowBundle } from '../../workers/bundle.ts'
import { createQueueWorker } from '../../workers/queue-worker.ts'
import { registerWithTemporal } from '../../workers/registration.ts'
import { installRuntime } from '../../workers/runtime.ts'
import { waitUntil } from './polling.ts'

export type TestTemporal = {
  readonly address: string
  readonly namespace: string
  readonly ring: KeyRing
  readonly codec: PayloadCodec
  readonly client: TemporalClient
  readonly close: () => Promise<void>
}

export type TestTemporalOptions = {
  readonly address?: string
  readonly namespace?: string
  readonly ring?: KeyRing
  /** Leaves payloads readable, for histories that are kept. */
  readonly plain?: boolean
}

export type TestWorkerOptions = {
  readonly activities: object
  /** One of its own unless said. */
  readonly taskQueue?: string
  /** The product's bundle unless said. */
  readonly bundlePath?: string
  /** None unless said. */
  readonly tracing?: Tracing | undefined
}

export type TestWorker = {
  readonly taskQueue: string
  /** Stops the worker; fails when it had failed. */
  readonly close: () => Promise<void>
}

const PLAIN_CODEC: PayloadCodec = {
  encode: async (payloads) => await Promise.resolve(payloads),
  decode: async (payloads) => await Promise.resolve(payloads),
}

/** A log that says nothing. */
export const silentLog: Logger = pino({ level: 'silent' })

/** A client of the run's shared server, with a codec and a key ring of its own. */
export function createTestTemporal(options: TestTemporalOptions = {}): TestTemporal {
  const address = options.address ?? getVariable('TEST_TEMPORAL_ADDRESS')
  const namespace = options.namespace ?? 'default'
  const ring = options.ring ?? createKeyRing(generateKeyRingDocument())
  const codec = options.plain ? PLAIN_CODEC : createPayloadCodec({ ring, namespace })
  const client = createTemporalClient({ address, namespace, codec })
  return { address, namespace, ring, codec, client, close: async () => await client.close() }
}

/** A client of a namespace of its own, which the server knows once this ends. */
export async function createTestNamespace(
  options: TestTemporalOptions & { readonly namespace: string },
): Promise<TestTemporal> {
  const temporal = createTestTemporal(options)
  await waitUntil('the namespace is known', async () => await isRegistered(temporal))
  return temporal
}

/** Runs a worker on a task queue of its own with the product's data converter, interceptors and bundle. */
export async function createTestWorker(
  temporal: TestTemporal,
  options: TestWorkerOptions,
): Promise<TestWorker> {
  installRuntime(silentLog)
  const taskQueue = options.taskQueue ?? `test-${randomUUID()}`
  const connection = await NativeConnection.connect({ address: temporal.address })
  const worker = await createQueueWorker({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    codec: temporal.codec,
    bundlePath: options.bundlePath ?? getBundlePath(),
    activities: options.activities,
    tracing: options.tracing,
  })
  const run = worker.run()
  return {
    taskQueue,
    async close() {
      if (worker.getState() === 'RUNNING') worker.shutdown()
      await run
      await connection.close()
    },
  }
}

/** The path of the product's workflow bundle, made once per run. */
export function getBundlePath(): string {
  return getVariable('TEST_WORKFLOW_BUNDLE')
}

/** Bundles the workflows of `test/support/workflows/index.ts` and returns the path. */
export async function buildTestBundle(): Promise<string> {
  const workflowsPath = fileURLToPath(new URL('./workflows/index.ts', import.meta.url))
  const path = join(tmpdir(), `registrar-test-bundle-${randomUUID()}.js`)
  await writeFile(path, await buildWorkflowBundle({ workflowsPath }))
  return path
}

async function isRegistered({ client }: TestTemporal): Promise<boolean> {
  try {
    await registerWithTemporal(client, silentLog)
    await checkTemporal(client)
    return true
  } catch {
    return false
  }
}

function getVariable(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`Cannot find "${name}": run through npm test`)
  return value
}
