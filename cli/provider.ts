import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { followRun, showRuns } from './sync-view.ts'
import {
  addTenantOptions,
  openTenant,
  type TenantOptions,
  type TenantSession,
} from './tenant-options.ts'

type RunOptions = TenantOptions & { readonly full?: boolean; readonly force?: boolean }

const SCOPE = 'roster:read roster:admin roster:sync'
const EXIT_FAILED = 1
const MAX_PAGE = '100'

const providerView = z.looseObject({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  baseUrl: z.string(),
  paused: z.boolean(),
  cursorAt: z.string().nullable(),
  fullAt: z.string().nullable(),
})
type ProviderView = z.output<typeof providerView>

const listView = z.object({ items: z.array(providerView), next: z.string().nullable() })
const end = z.object({ ok: z.boolean(), detail: z.string().optional() })
const testView = z.object({ source: end, target: end })

/** Adds `provider add|list|show|test|update|remove|pause|resume|run`. */
export function registerProviderCommand(program: Command): void {
  const provider = program
    .command('provider')
    .description('connects school systems of a tenant to their SCIM service providers')
  addTenantOptions(provider.command('add <file>'))
    .description('connects one by its settings, a JSON file; - reads standard input')
    .action(runAdd)
  addTenantOptions(provider.command('list')).description('the providers').action(runList)
  addTenantOptions(provider.command('show <id>'))
    .description('the settings of a provider, secrets masked')
    .action(runShow)
  addTenantOptions(provider.command('test <id>'))
    .description('tries both ends; exit code 1 when one does not answer')
    .action(runTest)
  addTenantOptions(provider.command('update <id> <file>'))
    .description('replaces the settings; what is masked in them stays what it is')
    .action(runUpdate)
  addTenantOptions(provider.command('remove <id>'))
    .description('removes a provider, its secrets and schedules; history and audit stay')
    .action(runRemove)
  addTenantOptions(provider.command('pause <id>'))
    .description('lets nothing start by itself')
    .action(async (id: string, options: TenantOptions) => await runSwitch('pause', id, options))
  addTenantOptions(provider.command('resume <id>'))
    .description('lets runs start by themselves again')
    .action(async (id: string, options: TenantOptions) => await runSwitch('resume', id, options))
  addTenantOptions(provider.command('run <id>'))
    .description('starts a run now and follows it')
    .option('--full', 'read everything, instead of what has changed')
    .option('--force', 'also within a pause')
    .action(runNow)
}

async function runAdd(file: string, options: TenantOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const path = session.pathOf('tenants', 'providers')
  await showAnswer(session, { method: 'POST', path, body: await readSettings(file) })
}

async function runList(options: TenantOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const providers: ProviderView[] = []
  let cursor: string | null = null
  do {
    const query = new URLSearchParams({ limit: MAX_PAGE, ...(cursor !== null && { cursor }) })
    const path = `${session.pathOf('tenants', 'providers')}?${query.toString()}`
    const page: z.output<typeof listView> = listView.parse(
      await session.client.sendForJson({ method: 'GET', path }),
    )
    providers.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  session.output.result(providers, () => {
    if (providers.length === 0) session.output.line('No providers: add one with "provider add"')
    else showProviders(session, providers)
  })
}

async function runShow(id: string, options: TenantOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const path = session.pathOf('tenants', 'providers', id)
  const provider = providerView.parse(await session.client.sendForJson({ method: 'GET', path }))
  session.output.result(provider, () => session.output.line(JSON.stringify(provider, null, 2)))
}

async function runTest(id: string, options: TenantOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const path = session.pathOf('tenants', 'providers', id, 'test')
  const ends = testView.parse(await session.client.sendForJson({ method: 'POST', path }))
  session.output.result(ends, () => {
    const rows = Object.entries(ends).map(([name, { ok, detail = '' }]) => [
      name,
      ok ? 'answers' : 'does not answer',
      detail,
    ])
    session.output.table(['end', '', 'what is wrong'], rows)
  })
  process.exitCode = ends.source.ok && ends.target.ok ? 0 : EXIT_FAILED
}

async function runUpdate(id: string, file: string, options: TenantOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const path = session.pathOf('tenants', 'providers', id)
  await showAnswer(session, { method: 'PUT', path, body: await readSettings(file) })
}

async function runRemove(id: string, options: TenantOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const path = session.pathOf('tenants', 'providers', id)
  await session.client.send({ method: 'DELETE', path })
  session.output.result({ id, removed: true }, () => session.output.line(`${id} is removed`))
}

async function runSwitch(
  verb: 'pause' | 'resume',
  id: string,
  options: TenantOptions,
): Promise<void> {
  const session = await openTenant(options, SCOPE)
  await showAnswer(session, {
    method: 'POST',
    path: session.pathOf('tenants', 'providers', id, verb),
  })
}

async function runNow(id: string, options: RunOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const mode = options.full ? 'full' : 'incremental'
  const answer = await session.client.sendForJson({
    method: 'POST',
    path: session.pathOf('sync', 'start'),
    body: { providerId: id, mode, force: options.force },
  })
  const { syncId } = z.object({ syncId: z.string() }).parse(answer)
  const run = await followRun(session, syncId)
  session.output.result(run, () => showRuns(session.output, [run]))
}

async function showAnswer(
  session: TenantSession,
  request: Parameters<TenantSession['client']['sendForJson']>[0],
): Promise<void> {
  const provider = providerView.parse(await session.client.sendForJson(request))
  session.output.result(provider, () => showProviders(session, [provider]))
}

function showProviders({ output }: TenantSession, providers: readonly ProviderView[]): void {
  output.table(
    ['id', 'name', 'kind', 'address', 'paused', 'last full run'],
    providers.map(({ id, name, kind, baseUrl, paused, fullAt }) => [
      id,
      name,
      kind,
      baseUrl,
      paused ? 'yes' : 'no',
      fullAt ?? 'none',
    ]),
  )
}

async function readSettings(file: string): Promise<unknown> {
  const content =
    file === '-'
      ? await text(process.stdin)
      : await readFile(file, 'utf8').catch(() => throwUnread(file))
  try {
    return JSON.parse(content) as unknown
  } catch {
    throw new AppError('invalid_settings', `Cannot read "${file}": it is not JSON`, { status: 400 })
  }
}

function throwUnread(file: string): never {
  throw new AppError('no_such_file', `Cannot read "${file}": it is no file`, { status: 404 })
}
