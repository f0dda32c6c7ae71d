import { join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { AppError } from '../core/errors.ts'
import type { PublisherName } from '../core/profile/document.ts'
import type { SampleFile } from '../core/sample/plan.ts'
import { signLocalToken } from '../crypto/token.ts'
import { sendVoteSignal } from './approve-signal.ts'
import { openApiClient, type ApiClient } from './client.ts'
import { chooseBoard, type DemoBoard } from './demo/board.ts'
import type { DemoPerson } from './demo/caller.ts'
import { syncDistrict } from './demo/district.ts'
import { openInstance, type DemoInstance } from './demo/instance.ts'
import { letPeopleIn } from './demo/logins.ts'
import { propagatePerson } from './demo/propagation.ts'
import { readLicensee } from './demo/reading.ts'
import { rollBackLater, type DemoRollback } from './demo/rollback.ts'
import { takeStep, type DemoStep } from './demo/steps.ts'
import { createSummary, showNextCalls, showSummary, type DemoSummary } from './demo/summary.ts'
import { uploadFirst, uploadLater } from './demo/uploads.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  parseCount,
  parsePort,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput, type Output } from './output.ts'
import { listenForStop, waitForAbort } from './stop-signal.ts'

type Options = DataDirOption &
  JsonOption & { readonly port?: string; readonly rows: number; readonly exit?: boolean }

const DEFAULT_ROWS = 20_000
const MIN_ROWS = 50
const SEED = 2_026
const TOKEN_SECONDS = 3_600
const EXIT_SURPRISED = 1
const EXIT_INTERRUPTED = 130

/** Adds `demo`: everything is started and the main job done on made-up files, with its outcome checked. */
export function registerDemoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description(
      'starts everything, ingests two files of a made-up board, lets people in, syncs a school district, brings a person to every sink, and shows what happened',
    )
    .option('--exit', 'stop after the summary instead of staying up')
    .option(
      '--rows <n>',
      "licensees in the board's first file, and people of the district (at most 600)",
      parseRows,
      DEFAULT_ROWS,
    )
    .option('--port <port>', 'where the API listens (PORT, 8080, or any free port)', parsePort)
    .action(runDemo)
  addJsonOption(addDataDirOption(command))
}

async function runDemo(options: Options): Promise<void> {
  const output = createOutput(options)
  const stopping = listenForStop()
  assertLocalIssuer(options)
  let instance: DemoInstance | undefined
  const start = await takeStep('start', async () => {
    const { port, dataDir } = options
    const report = output.progress
    instance = await openInstance({ port, dataDir, report, signal: stopping })
    return { surprises: [] }
  })
  if (!instance) {
    if (stopping.aborted) process.exitCode = EXIT_INTERRUPTED
    else finish(output, createSummary([start], undefined))
    return
  }
  const over = new AbortController()
  const demo = { options, output, stopping, over: over.signal, instance }
  try {
    await untilStopped(demo, async () => await play(demo, start))
  } finally {
    over.abort()
    if (stopping.aborted && process.exitCode === EXIT_INTERRUPTED)
      output.progress('Interrupted: what was accepted goes on with the next start')
    if (instance.isOurs) output.progress('Stopping')
    await instance.stop()
  }
}

type Demo = {
  readonly options: Options
  readonly output: Output
  readonly stopping: AbortSignal
  /** Aborted when the demo ends, however it does. */
  readonly over: AbortSignal
  readonly instance: DemoInstance
}

// Ctrl-C ends the demo wherever it is; a part that cannot be kept running fails it.
async function untilStopped(demo: Demo, work: () => Promise<void>): Promise<void> {
  const { instance, stopping } = demo
  const failed = instance.givenUp.then((reason) => {
    throw reason
  })
  process.exitCode = EXIT_INTERRUPTED
  await Promise.race([work(), failed, waitForAbort(stopping)])
}

async function play(demo: Demo, start: DemoStep): Promise<void> {
  const { options, output, instance, stopping, over } = demo
  const board = await chooseBoard(instance.config.compacts, instance.run.databaseUrl)
  const steps = [start, ...(await takeSteps(demo, board))]
  if (over.aborted) return
  finish(output, createSummary(steps, instance.run))
  if (options.exit) return
  showNextCalls(output, { run: instance.run, board, dataDir: options.dataDir })
  if (!instance.isOurs) return
  output.line('\nCtrl-C stops everything')
  await waitForAbort(stopping)
}

// Each step stands on the one before: after a failure there is nothing more to learn.
async function takeSteps(demo: Demo, board: DemoBoard): Promise<DemoStep[]> {
  const { options, instance } = demo
  const file: SampleFile = { ...board, rows: options.rows, seed: SEED }
  const uploads = {
    client: await openClient(demo, board),
    // The documents of single steps are parts of one.
    output: { ...demo.output, result: (_: unknown, show: () => void) => show() },
    directory: join(instance.config.dataDir, 'demo'),
    file,
  }
  const steps = [await uploadFirst(uploads)]
  if (steps.every((step) => step.ok)) steps.push(...(await uploadLater(uploads)))
  if (steps.every((step) => step.ok)) steps.push(await readLicensee(uploads))
  if (steps.every((step) => step.ok)) steps.push(await takeLogins(demo, uploads.output))
  if (steps.every((step) => step.ok)) steps.push(await takeRollback(demo, uploads))
  if (steps.every((step) => step.ok)) steps.push(...(await takeDistrict(demo, uploads.output)))
  if (steps.every((step) => step.ok)) {
    const openFor = async (caller: Caller): Promise<ApiClient> => await openAs(demo, caller)
    steps.push(...(await propagatePerson({ ...instance, openAs: openFor, output: uploads.output })))
  }
  return steps
}

async function takeLogins(demo: Demo, output: Output): Promise<DemoStep> {
  const { config, run } = demo.instance
  return await letPeopleIn({
    openAs: async (person) => await openAs(demo, person),
    sendSignal: async (signal) => {
      const { temporalAddress: address, temporalNamespace: namespace } = run
      await sendVoteSignal(config, { address, namespace }, signal)
    },
    output,
  })
}

async function takeRollback(
  demo: Demo,
  { client, output, file }: Pick<DemoRollback, 'client' | 'output' | 'file'>,
): Promise<DemoStep> {
  const as = async (person: DemoPerson): Promise<ApiClient> => await openAs(demo, person)
  return await rollBackLater({ client, output, file, openAs: as })
}

async function takeDistrict(demo: Demo, output: Output): Promise<DemoStep[]> {
  const { instance, options } = demo
  const { allowPrivateTargets } = instance.config.http
  const as = async (caller: Caller): Promise<ApiClient> => await openAs(demo, caller)
  return await syncDistrict({ openAs: as, allowPrivateTargets, people: options.rows, output })
}

async function openClient(demo: Demo, board: DemoBoard): Promise<ApiClient> {
  const compact = board.compact.abbreviation
  const scope = [
    `${compact}/readGeneral`,
    `${compact}/${compact}.readPrivate`,
    `${compact}/${board.jurisdiction}.write`,
  ].join(' ')
  return await openAs(demo, { subject: 'demo', scope })
}

type Caller = DemoPerson & { readonly publisher?: PublisherName; readonly tenant?: string }

async function openAs({ instance, over }: Demo, caller: Caller): Promise<ApiClient> {
  const { config, run } = instance
  const { scope } = caller
  const ring = await loadKeyRing(config)
  const token = await signLocalToken(ring, { ...caller, ttlSeconds: TOKEN_SECONDS })
  const client = await openApiClient({ config, api: run.apiUrl, token, scope })
  return stopWith(client, over)
}

// What still runs when the demo is over ends at once, not after patient attempts.
function stopWith(client: ApiClient, over: AbortSignal): ApiClient {
  const send: ApiClient['send'] = async (request) => {
    if (over.aborted) throw new AppError('interrupted', 'The demo is over', { status: 499 })
    return await client.send(request)
  }
  return { ...client, send, sendForJson: async (request) => await (await send(request)).json() }
}

function finish(output: Output, summary: DemoSummary): void {
  output.result(summary, () => showSummary(output, summary))
  process.exitCode = summary.ok ? 0 : EXIT_SURPRISED
}

function assertLocalIssuer({ dataDir, port }: Options): void {
  const { issuers } = loadCommandConfig({ DATA_DIR: dataDir, PORT: port })
  if (issuers.length === 0) return
  throw new AppError(
    'local_issuer_off',
    'Cannot run the demo: AUTH_ISSUERS is set, so there is no local issuer to make its token',
    { status: 500, expose: true },
  )
}

function parseRows(text: string): number {
  const rows = parseCount(text)
  if (rows >= MIN_ROWS) return rows
  throw new InvalidArgumentError(`It must be at least ${MIN_ROWS}.`)
}
