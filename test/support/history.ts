import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { Worker } from '@temporalio/worker'
import type { PayloadCodec } from '../../crypto/payload-codec.ts'
import { createDataConverter } from '../../crypto/data-converter.ts'
import { installRuntime } from '../../workers/runtime.ts'
import { getBundlePath, silentLog, type TestTemporal } from './temporal.ts'

export type StoredHistory = {
  /** The folder: the workflow's type. */
  readonly workflowType: string
  /** The file: the branch that the run took. */
  readonly branch: string
  readonly history: unknown
}

export type ReplayOptions = {
  readonly codec: PayloadCodec
  /** The product's unless said. */
  readonly bundlePath?: string
}

const DIRECTORY = fileURLToPath(new URL('../histories', import.meta.url))
const IDENTITY = /"identity": "[^"]*"/g
// Sticky queues are named after the process and the machine.
const STICKY_QUEUE = /"\d+@[^"]*-([0-9a-f]{32})"/g

/** The history of a run (the last one unless said) as the Temporal CLI exports it, in the encoding it was made with. */
export async function fetchHistory(
  temporal: TestTemporal,
  workflowId: string,
  runId?: string,
): Promise<string> {
  const history = await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId, runId).fetchHistory(),
  )
  return JSON.stringify(JSON.parse(historyToJSON(history)), null, 2)
}

/**
 * Keeps the history of an ended run for the replay test, when `RECORD_HISTORIES` is set. The
 * temporal has to be a plain one, so that the file can be read without its key.
 */
export async function keepHistory(
  temporal: TestTemporal,
  run: {
    readonly workflowId: string
    readonly runId?: string
    readonly workflowType: string
    readonly branch: string
  },
): Promise<void> {
  if (process.env['RECORD_HISTORIES'] === undefined) return
  const directory = join(DIRECTORY, run.workflowType)
  await mkdir(directory, { recursive: true })
  const history = await fetchHistory(temporal, run.workflowId, run.runId)
  const nameless = history
    .replaceAll(IDENTITY, '"identity": "recorder"')
    .replaceAll(STICKY_QUEUE, '"recorder-$1"')
  await writeFile(join(directory, `${run.branch}.json`), `${nameless}\n`)
}

/** Every kept history, by workflow and branch. */
export async function listHistories(): Promise<StoredHistory[]> {
  const folders = await readdir(DIRECTORY).catch(() => [])
  const lists = await Promise.all(folders.map(listBranches))
  return lists.flat()
}

/** Runs the present workflow code against a history; rejects where it would act otherwise. */
export async function replay(history: unknown, options: ReplayOptions): Promise<void> {
  installRuntime(silentLog)
  await Worker.runReplayHistory(
    {
      workflowBundle: { codePath: options.bundlePath ?? getBundlePath() },
      dataConverter: createDataConverter(options.codec),
    },
    history,
  )
}

async function listBranches(workflowType: string): Promise<StoredHistory[]> {
  const files = await readdir(join(DIRECTORY, workflowType))
  return await Promise.all(
    files.map(async (file) => ({
      workflowType,
      branch: file.replace(/\.json$/, ''),
      history: JSON.parse(await readFile(join(DIRECTORY, workflowType, file), 'utf8')) as unknown,
    })),
  )
}
