import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Option, type Command } from 'commander'
import { z } from 'zod'
import { rosterTypes } from '../core/roster/run.ts'
import { parseCount, parseText } from './options.ts'
import { runReconcile } from './sync-reconcile.ts'
import {
  followRun,
  planView,
  readRun,
  runView,
  showGuard,
  showRuns,
  type RunView,
} from './sync-view.ts'
import {
  addTenantOptions,
  openTenant,
  type TenantOptions,
  type TenantSession,
} from './tenant-options.ts'

type StartOptions = TenantOptions & {
  readonly provider?: string
  readonly full?: boolean
  readonly dryRun?: boolean
  readonly addsOnly?: boolean
  readonly force?: boolean
  readonly types?: string[]
  readonly schools?: string[]
  readonly grades?: string[]
  readonly roles?: string[]
  readonly follow: boolean
}
type OneOptions = TenantOptions & { readonly provider?: string }
type HistoryOptions = OneOptions & { readonly limit: number }
type PlanOptions = TenantOptions & { readonly changes?: string }
type VoteOptions = TenantOptions & { readonly hash?: string; readonly reason?: string }

const SCOPE = 'roster:read roster:sync roster:approve'
const DEFAULT_LIMIT = 20
const MAX_PAGE = 100
const EXIT_FAILED = 1
const EXIT_LEFT = 3

/** Adds `sync start|status|stop|history|plan|approve|discard|reconcile`. */
export function registerSyncCommand(program: Command): void {
  const sync = program
    .command('sync')
    .description('syncs rosters of a tenant, and decides on plans')
  addTenantOptions(withProvider(addStartOptions(sync.command('start')))).action(runStart)
  addTenantOptions(withProvider(sync.command('status')))
    .description('the current or last run of each provider')
    .action(runStatus)
  addTenantOptions(withProvider(sync.command('stop')))
    .description('stops the run under way; what was written stays')
    .action(runStop)
  addTenantOptions(withProvider(sync.command('history')))
    .description('runs, the newest first')
    .option('--limit <count>', 'how many at most', parseCount, DEFAULT_LIMIT)
    .action(runHistory)
  addTenantOptions(sync.command('plan <sync-id>'))
    .description('what a run means to do, or did')
    .option('--changes <file>', 'write the change set there, one change a line', parseText)
    .action(runPlan)
  addVote(sync, 'approve', 'votes for a plan that is held')
  addVote(sync, 'discard', 'votes against a plan that is held')
  addTenantOptions(withProvider(sync.command('reconcile')))
    .description('compares the target with what was applied; exit code 3 when it differs')
    .option('--repair', 'write what was applied there again')
    .option('--stop', 'stop the comparison under way')
    .action(runReconcile)
}

function withProvider(command: Command): Command {
  return command.option('--provider <id>', 'needed where the tenant has several', parseText)
}

function addStartOptions(command: Command): Command {
  return command
    .description('starts a run and follows it to its end')
    .option('--full', 'read everything, instead of what has changed')
    .option('--dry-run', 'only plan; write nothing')
    .option('--adds-only', 'create and update, deactivate nobody')
    .option('--force', 'also within a pause of the provider')
    .addOption(new Option('--types <types...>', 'only these').choices(rosterTypes))
    .option('--schools <ids...>', 'only these, by ids of the source')
    .option('--grades <grades...>', 'only these')
    .option('--roles <roles...>', 'only these')
    .option('--no-follow', 'end once it is started')
    .addHelpText(
      'after',
      '\nExit code: 0 when it succeeded, 3 when it is held or some records failed, 1 when it failed.',
    )
}

function addVote(sync: Command, verb: 'approve' | 'discard', description: string): void {
  addTenantOptions(sync.command(`${verb} <sync-id>`))
    .description(description)
    .option('--reason <text>', 'why', parseText)
    .option('--hash <hash>', 'refuse when the plan is another by now', parseText)
    .action(async (syncId: string, options: VoteOptions) => await runVote(verb, syncId, options))
}

async function runStart(options: StartOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const { types, schools, grades, roles } = options
  const select = { types, schools, grades, roles }
  const body = {
    providerId: options.provider,
    mode: options.full ? 'full' : 'incremental',
    dryRun: options.dryRun,
    adds_only: options.addsOnly,
    force: options.force,
    ...(Object.values(select).some((list) => list !== undefined) && { select }),
  }
  const { syncId } = await post(session, ['start'], body)
  const run = options.follow ? await followRun(session, syncId) : await readRun(session, syncId)
  showOne(session, run)
  if (options.follow) process.exitCode = exitCodeOf(run)
}

async function runStatus(options: OneOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const path = `${session.pathOf('sync', 'status')}${toQuery({ providerId: options.provider })}`
  const { runs } = z
    .object({ runs: z.array(runView) })
    .parse(await session.client.sendForJson({ method: 'GET', path }))
  session.output.result(runs, () => {
    if (runs.length === 0) session.output.line('No runs yet: start one with "registrar sync start"')
    else showRuns(session.output, runs)
  })
}

async function runStop(options: OneOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const { syncId } = await post(session, ['stop'], { providerId: options.provider })
  const run = await followRun(session, syncId)
  showOne(session, run)
}

async function runHistory(options: HistoryOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const runs: RunView[] = []
  let cursor: string | null | undefined
  do {
    const limit = String(Math.min(MAX_PAGE, options.limit - runs.length))
    const query = toQuery({ limit, providerId: options.provider, cursor: cursor ?? undefined })
    const path = `${session.pathOf('sync', 'history')}${query}`
    const page: z.output<typeof historyView> = historyView.parse(
      await session.client.sendForJson({ method: 'GET', path }),
    )
    runs.push(...page.items)
    cursor = page.next
  } while (cursor !== null && runs.length < options.limit)
  session.output.result(runs, () => showRuns(session.output, runs))
}

const historyView = z.object({ items: z.array(runView), next: z.string().nullable() })

async function runPlan(syncId: string, options: PlanOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const plan = await readPlan(session, syncId)
  if (options.changes !== undefined) await download(session, syncId, options.changes)
  session.output.result(plan, () => {
    session.output.line(`${plan.state}, ${plan.hash ?? 'no plan yet'}`)
    showGuard(session.output, plan.guard)
  })
}

async function runVote(
  verb: 'approve' | 'discard',
  syncId: string,
  options: VoteOptions,
): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const hash = options.hash ?? (await readPlan(session, syncId)).hash ?? ''
  const path = session.pathOf('sync', 'plans', syncId, verb)
  const body = { hash, reason: options.reason }
  const plan = planView.parse(await session.client.sendForJson({ method: 'POST', path, body }))
  session.output.result(plan, () =>
    session.output.line(`Voted: "registrar sync plan ${syncId}" says what becomes of it`),
  )
}

async function readPlan(
  session: TenantSession,
  syncId: string,
): Promise<z.output<typeof planView>> {
  const path = session.pathOf('sync', 'plans', syncId)
  return planView.parse(await session.client.sendForJson({ method: 'GET', path }))
}

async function download(session: TenantSession, syncId: string, file: string): Promise<void> {
  const path = session.pathOf('sync', 'plans', syncId, 'changes')
  const response = await session.client.send({ method: 'GET', path })
  // fetch gives a stream of bytes.
  const body = response.body as Parameters<typeof Readable.fromWeb>[0] | null
  await pipeline(body ? Readable.fromWeb(body) : Readable.from([]), createWriteStream(file))
}

async function post(
  session: TenantSession,
  parts: readonly string[],
  body: object,
): Promise<{ readonly syncId: string }> {
  const path = session.pathOf('sync', ...parts)
  const answer = await session.client.sendForJson({ method: 'POST', path, body })
  return z.object({ syncId: z.string() }).parse(answer)
}

function showOne({ output }: TenantSession, run: RunView): void {
  output.result(run, () => {
    showRuns(output, [run])
    showGuard(output, run.guard)
    if (run.error) output.line(run.error.message)
    if (run.state === 'held') {
      output.line(`It waits for a decision: "registrar sync plan ${run.syncId}" shows the plan`)
    }
  })
}

function exitCodeOf({ state }: RunView): number {
  if (state === 'succeeded') return 0
  return state === 'partial' || state === 'held' ? EXIT_LEFT : EXIT_FAILED
}

function toQuery(given: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) query.set(name, value)
  }
  return query.size === 0 ? '' : `?${query.toString()}`
}
