import type { Command } from 'commander'
import { z } from 'zod'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, type RemoteOptions } from './options.ts'
import { createOutput, type Output } from './output.ts'

type Options = RemoteOptions
type ReconcileOptions = Options & { readonly repair?: boolean }
type LetterOptions = Options & { readonly sink?: string }

const SCOPE = 'propagation:write'
const LOOK_EVERY_MS = 500

const sink = z.object({
  name: z.string(),
  kind: z.string(),
  state: z.string(),
  behind: z.number(),
  deadLetters: z.number(),
})
const letter = z.object({
  id: z.string(),
  sink: z.string(),
  serial: z.number().nullable(),
  code: z.string(),
  attempts: z.number(),
  at: z.string(),
})
const reconcile = z.object({
  id: z.string(),
  state: z.string(),
  counts: z.record(z.string(), z.number()),
})

/** Adds `sink list|pause|resume|reconcile|dead-letters|redrive`. */
export function registerSinkCommand(program: Command): void {
  const sinks = program.command('sink').description('looks after what changes are propagated to')
  const commands = [
    sinks.command('list').description('the sinks and how far each is').action(runList),
    sinks
      .command('pause <name>')
      .description('holds a sink back; its changes wait')
      .action(async (name: string, options: Options) => await runSwitch(name, 'pause', options)),
    sinks
      .command('resume <name>')
      .description('lets a sink go on, and brings it what waited')
      .action(async (name: string, options: Options) => await runSwitch(name, 'resume', options)),
    sinks
      .command('reconcile <name>')
      .description('compares a sink with the vault; exit code 3 when it differs')
      .option('--repair', 'bring what differs there again')
      .action(runReconcile),
    sinks
      .command('dead-letters')
      .description('changes that did not reach a sink')
      .option('--sink <name>', 'of this sink alone')
      .action(runDeadLetters),
    sinks
      .command('redrive <id-or-sink>')
      .description('tries one dead letter again, or all of a sink')
      .action(runRedrive),
  ]
  for (const command of commands) addRemoteOptions(command)
}

async function runList(options: Options): Promise<void> {
  const { client, output } = await open(options)
  const answer = z
    .object({ items: z.array(sink) })
    .parse(await client.sendForJson({ method: 'GET', path: '/v1/sinks' }))
  output.result(answer.items, () => {
    if (answer.items.length === 0) output.line('No sinks: name some in SINKS_FILE')
    else showSinks(output, answer.items)
  })
}

async function runSwitch(name: string, verb: string, options: Options): Promise<void> {
  const { client, output } = await open(options)
  const path = `/v1/sinks/${encodeURIComponent(name)}/${verb}`
  const answer = sink.parse(await client.sendForJson({ method: 'POST', path }))
  output.result(answer, () => showSinks(output, [answer]))
}

async function runReconcile(name: string, options: ReconcileOptions): Promise<void> {
  const { client, output } = await open(options)
  const path = `/v1/sinks/${encodeURIComponent(name)}/reconcile`
  const body = { repair: options.repair === true }
  const started = reconcile.parse(await client.sendForJson({ method: 'POST', path, body }))
  const report = await follow(client, { name, id: started.id, output })
  output.result(report, () => {
    output.table(
      ['state', ...Object.keys(report.counts)],
      [[report.state, ...Object.values(report.counts).map(String)]],
    )
  })
  const { same: _, ...differing } = report.counts
  process.exitCode = Object.values(differing).some((count) => count > 0) ? 3 : 0
}

async function follow(
  client: ApiClient,
  { name, id, output }: { readonly name: string; readonly id: string; readonly output: Output },
): Promise<z.output<typeof reconcile>> {
  const path = `/v1/sinks/${encodeURIComponent(name)}/reconciles/${id}`
  for (;;) {
    const report = reconcile.parse(await client.sendForJson({ method: 'GET', path }))
    if (report.state !== 'running') return report
    const compared = Object.values(report.counts).reduce((sum, count) => sum + count, 0)
    output.progress(`${compared} persons compared`)
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS))
  }
}

async function runDeadLetters(options: LetterOptions): Promise<void> {
  const { client, output } = await open(options)
  const letters: z.output<typeof letter>[] = []
  const page = z.object({ items: z.array(letter), next: z.string().nullable() })
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: '100' })
    if (options.sink !== undefined) query.set('sink', options.sink)
    if (cursor !== '') query.set('cursor', cursor)
    const path = `/v1/dead-letters?${query.toString()}`
    const answer = page.parse(await client.sendForJson({ method: 'GET', path }))
    letters.push(...answer.items)
    cursor = answer.next
  }
  output.result(letters, () => {
    if (letters.length === 0) output.line('No dead letters: every change arrived, or is under way')
    else
      output.table(
        ['id', 'sink', 'change', 'why', 'attempts', 'at'],
        letters.map((one) => [
          one.id,
          one.sink,
          one.serial === null ? '' : String(one.serial),
          one.code,
          String(one.attempts),
          one.at,
        ]),
      )
  })
}

async function runRedrive(target: string, options: Options): Promise<void> {
  const { client, output } = await open(options)
  const isId = z.uuid().safeParse(target).success
  const answer = z
    .object({ redriven: z.number() })
    .parse(
      await client.sendForJson(
        isId
          ? { method: 'POST', path: `/v1/dead-letters/${target}/redrive` }
          : { method: 'POST', path: '/v1/dead-letters/redrive', body: { sink: target } },
      ),
    )
  output.result(answer, () => output.line(`${answer.redriven} are brought there again`))
}

async function open(options: Options): Promise<{ client: ApiClient; output: Output }> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const client = await openApiClient({ ...options, config, scope: SCOPE })
  return { client, output: createOutput(options) }
}

function showSinks(output: Output, sinks: readonly z.output<typeof sink>[]): void {
  output.table(
    ['sink', 'kind', 'state', 'persons behind', 'dead letters'],
    sinks.map((one) => [
      one.name,
      one.kind,
      one.state,
      String(one.behind),
      String(one.deadLetters),
    ]),
  )
}
