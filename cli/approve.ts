import { Argument, Option, type Command } from 'commander'
import type { Config } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import { approvalStates, type Verdict } from '../core/approval/approval.ts'
import { approvalWorkflowId } from '../core/approval/workflow.ts'
import { AppError } from '../core/errors.ts'
import {
  showApproval,
  showApprovals,
  showExplanation,
  approvalView,
  explanationView,
  listView,
  type ApprovalItem,
  type ApprovalView,
} from './approve-report.ts'
import { sendVoteSignal } from './approve-signal.ts'
import { openApiClient, type ApiClient } from './client.ts'
import {
  addRemoteOptions,
  loadCommandConfig,
  parseCount,
  parseText,
  parseTime,
  type RemoteOptions,
} from './options.ts'
import { createOutput, type Output } from './output.ts'
import { findRunFile } from './run-file.ts'

type Options = RemoteOptions & { readonly as?: string }
type ListOptions = Options & {
  readonly mine?: boolean
  readonly state?: string
  readonly type?: string
  readonly limit: number
}
type VoteOptions = Options & {
  readonly reason?: string
  readonly subjectHash?: string
  readonly actingFor?: string
  readonly signal?: boolean
}
type DelegateOptions = Options & { readonly to: string; readonly until: string }
type WithdrawOptions = Options & { readonly reason?: string }

const SCOPE = 'approval:vote approval:read'
const DEFAULT_LIMIT = 100
const MAX_PAGE = 100

/** Adds `approve list|show|vote|delegate|withdraw|explain`. */
export function registerApproveCommand(program: Command): void {
  const approve = program.command('approve').description('shows and decides what waits for people')
  const commands = [
    approve
      .command('list')
      .description('approvals, newest first; with --mine what waits for your vote')
      .option('--mine', 'open ones on which you may vote now, those that end first')
      .addOption(new Option('--state <state>', 'in this state').choices(approvalStates))
      .option('--type <type>', 'of this type, such as login-registration', parseText)
      .option('--limit <n>', 'at most so many', parseCount, DEFAULT_LIMIT)
      .action(runList),
    withId(approve.command('show'))
      .description('how an approval stands, its votes and its history')
      .action(runShow),
    registerVote(approve),
    withId(approve.command('delegate'))
      .description('lets somebody vote for you on this approval')
      .requiredOption('--to <login>', 'who votes for you', parseText)
      .requiredOption('--until <time>', 'until then, such as 2030-01-31T18:00:00Z', parseTime)
      .action(runDelegate),
    withId(approve.command('withdraw'))
      .description('takes your request back')
      .option('--reason <text>', 'why', parseText)
      .action(runWithdraw),
    withId(approve.command('explain'))
      .description('says why an approval is not decided yet')
      .action(runExplain),
  ]
  for (const command of commands) {
    command.option('--as <login>', 'as whom, with a token of the local issuer (cli)', parseText)
    addRemoteOptions(command)
  }
}

function registerVote(approve: Command): Command {
  return withId(approve.command('vote'))
    .description('votes on the present stage; the subject is the one that is shown')
    .addArgument(new Argument('<verdict>', 'what you think').choices(['approve', 'deny']))
    .option('--reason <text>', 'why', parseText)
    .option('--subject-hash <hash>', 'refuse when the subject is another by now', parseText)
    .option('--acting-for <login>', 'who delegated to you', parseText)
    .addOption(
      new Option(
        '--signal',
        'by a plain signal to the run, as from the Temporal UI; needs --as',
      ).conflicts('actingFor'),
    )
    .hook('preAction', (command) => {
      const { signal, as: actor } = command.opts<VoteOptions>()
      if (signal && actor === undefined) command.error('error: --signal needs --as: name who votes')
    })
    .action(runVote)
}

function withId(command: Command): Command {
  return command.argument('<id>', 'id of the approval', parseText)
}

async function runList(options: ListOptions): Promise<void> {
  const { client, output } = await open(options)
  const items: ApprovalItem[] = []
  let cursor: string | null = null
  do {
    const page: ReturnType<typeof listView.parse> = listView.parse(
      await client.sendForJson({ method: 'GET', path: pathOfPage(options, items.length, cursor) }),
    )
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== null && items.length < options.limit)
  output.result(items, () => {
    if (items.length === 0) output.line('No such approvals')
    else showApprovals(output, items)
    if (cursor !== null) output.line(`There are more: see them with a greater --limit`)
  })
}

function pathOfPage(options: ListOptions, seen: number, cursor: string | null): string {
  const { mine, state, type, limit } = options
  const query = new URLSearchParams({ limit: String(Math.min(MAX_PAGE, limit - seen)) })
  if (mine) query.set('mine', 'true')
  if (state !== undefined) query.set('state', state)
  if (type !== undefined) query.set('type', type)
  if (cursor !== null) query.set('cursor', cursor)
  return `/v1/approvals?${query.toString()}`
}

async function runShow(id: string, options: Options): Promise<void> {
  const { client, output } = await open(options)
  const approval = await readApproval(client, id)
  output.result(approval, () => showApproval(output, approval))
}

async function runVote(id: string, verdict: Verdict, options: VoteOptions): Promise<void> {
  if (options.signal) return await voteBySignal(id, verdict, options)
  const { client, output } = await open(options)
  const subjectHash = options.subjectHash ?? (await readApproval(client, id)).subject.hash
  const { reason, actingFor } = options
  await act({ client, output }, [id, 'votes'], { verdict, subjectHash, reason, actingFor })
}

// A mandate cannot be named in a signal: who sends it votes for themselves.
async function voteBySignal(id: string, verdict: Verdict, options: VoteOptions): Promise<void> {
  const { as: actor = '', reason, ...reading } = options
  const subjectHash =
    options.subjectHash ?? (await readApproval((await open(reading)).client, id)).subject.hash
  const vote = { actor, subjectHash, ...(reason !== undefined && { reason }) }
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const workflowId = approvalWorkflowId(id)
  await sendVoteSignal(config, await findServer(config), { workflowId, verdict, vote })
  const output = createOutput(options)
  output.result({ id, signal: verdict, ...vote }, () =>
    output.line(`Signalled: "registrar approve show ${id}" says what became of it`),
  )
}

async function findServer({ temporal, dataDir }: Config): Promise<{
  readonly address: string
  readonly namespace: string
}> {
  const { namespace } = temporal
  const address = temporal.address ?? (await findRunFile(dataDir))?.temporalAddress
  if (address !== undefined) return { address, namespace }
  throw new AppError(
    'not_running',
    `Cannot find Temporal: set TEMPORAL_ADDRESS, or start Registrar on "${dataDir}"`,
    { status: 500 },
  )
}

async function runDelegate(id: string, options: DelegateOptions): Promise<void> {
  const { to, until } = options
  await act(await open(options), [id, 'delegate'], { to, until })
}

async function runWithdraw(id: string, options: WithdrawOptions): Promise<void> {
  const { reason } = options
  await act(await open(options), [id, 'withdraw'], { reason })
}

async function runExplain(id: string, options: Options): Promise<void> {
  const { client, output } = await open(options)
  const path = `${pathOf(id)}/explain`
  const explanation = explanationView.parse(await client.sendForJson({ method: 'GET', path }))
  output.result(explanation, () => showExplanation(output, explanation))
}

type Opened = { readonly client: ApiClient; readonly output: Output }

async function open(options: Options): Promise<Opened> {
  const { token = readEnv()['REGISTRAR_TOKEN'], as: subject } = options
  if (token && subject !== undefined) {
    throw new AppError(
      'two_identities',
      `Cannot act as "${subject}": the token that is given says who you are`,
      { status: 400 },
    )
  }
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const client = await openApiClient({ ...options, config, scope: SCOPE, subject })
  return { client, output: createOutput(options) }
}

async function readApproval(client: ApiClient, id: string): Promise<ApprovalView> {
  return approvalView.parse(await client.sendForJson({ method: 'GET', path: pathOf(id) }))
}

async function act(
  { client, output }: Opened,
  [id, verb]: readonly [string, string],
  body: object,
): Promise<void> {
  const path = `${pathOf(id)}/${verb}`
  const approval = approvalView.parse(await client.sendForJson({ method: 'POST', path, body }))
  output.result(approval, () => showApproval(output, approval))
}

function pathOf(id: string): string {
  return `/v1/approvals/${encodeURIComponent(id)}`
}
