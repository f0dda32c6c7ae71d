import type { Command } from 'commander'
import { z } from 'zod'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, type RemoteOptions } from './options.ts'
import { createOutput, type Output } from './output.ts'
import { pullFrom, sourceRunView, type SourceRunView } from './source-run-view.ts'

type Options = RemoteOptions
type RunOptions = Options & { readonly dryRun?: boolean; readonly incremental?: boolean }

const SCOPE = 'source:run'
const EXIT_HELD = 3

const source = z.object({
  name: z.string(),
  kind: z.string(),
  publisher: z.string(),
  every: z.string().nullable(),
  lastRun: sourceRunView.nullable(),
})

/** Adds `publisher list|run`. */
export function registerPublisherCommand(program: Command): void {
  const publishers = program
    .command('publisher')
    .description('pulls persons from the sources of SOURCES_FILE')
  const commands = [
    publishers.command('list').description('the sources and their newest runs').action(runList),
    publishers
      .command('run <name>')
      .description('pulls from a source; exit code 3 when it is held, 1 when it failed')
      .option('--dry-run', 'touch nobody, say what it would do')
      .option('--incremental', 'read only what has changed since the last run')
      .action(runPull),
  ]
  for (const command of commands) addRemoteOptions(command)
}

async function runList(options: Options): Promise<void> {
  const { client, output } = await open(options)
  const { items } = z
    .object({ items: z.array(source) })
    .parse(await client.sendForJson({ method: 'GET', path: '/v1/sources' }))
  output.result(items, () => {
    if (items.length === 0) output.line('No sources: name some in SOURCES_FILE')
    else
      output.table(
        ['source', 'kind', 'publisher', 'every', 'last run'],
        items.map(({ name, kind, publisher, every, lastRun }) => [
          name,
          kind,
          publisher,
          every ?? '–',
          lastRun?.state ?? '–',
        ]),
      )
  })
}

async function runPull(name: string, options: RunOptions): Promise<void> {
  const { client, output } = await open(options)
  const ended = await pullFrom(client, {
    source: name,
    mode: options.incremental === true ? 'incremental' : 'full',
    dryRun: options.dryRun === true,
    onState: output.progress,
  })
  output.result(ended, () => showRun(output, ended))
  if (ended.state === 'held') process.exitCode = EXIT_HELD
  else if (ended.state !== 'succeeded') process.exitCode = 1
}

function showRun(output: Output, { state, counts, hold, failures, ...ended }: SourceRunView): void {
  output.table(['state', ...Object.keys(counts)], [[state, ...Object.values(counts).map(String)]])
  for (const { record, key, code } of failures) {
    output.line(`${record === null ? 'leaver' : `row ${record}`} ${key ?? '(nobody)'}: ${code}`)
  }
  if (ended.errorCode !== null) output.line(`Failed: ${ended.errorCode}`)
  if (hold && ended.dryRun) output.line(`It would be held: ${describeHold(hold)}`)
  if (hold && state === 'held') {
    output.line(`Held: ${describeHold(hold)}. Decide on approval ${ended.approvalId ?? ''}`)
  }
}

function describeHold({ reason, leavers, known }: NonNullable<SourceRunView['hold']>): string {
  switch (reason) {
    case 'empty':
      return 'the source is empty'
    case 'shrunk':
      return 'the source has half of what it had, or less'
    case 'unreadable':
      return `${leavers} would leave, and there are rows of which it cannot be told whose they are`
    default:
      return `${leavers} of ${known} persons would leave`
  }
}

async function open(options: Options): Promise<{ client: ApiClient; output: Output }> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const client = await openApiClient({ ...options, config, scope: SCOPE })
  return { client, output: createOutput(options) }
}
