import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { openTenant, type TenantOptions, type TenantSession } from './tenant-options.ts'

export type ReconcileOptions = TenantOptions & {
  readonly provider?: string
  readonly repair?: boolean
  readonly stop?: boolean
}

const SCOPE = 'roster:read roster:sync'
const LOOK_EVERY_MS = 1_000
const EXIT_FAILED = 1
const EXIT_DIFFERS = 3

const reportView = z.looseObject({
  id: z.string(),
  state: z.enum(['running', 'succeeded', 'failed', 'stopped']),
  counts: z.object({
    compared: z.number(),
    groups: z.number(),
    missing: z.number(),
    differs: z.number(),
    inactive: z.number(),
    unexpected: z.number(),
    repaired: z.number(),
    failed: z.number(),
  }),
  error: z.object({ code: z.string() }).optional(),
})
const listView = z.object({ items: z.array(reportView) })
type ReportView = z.output<typeof reportView>

/**
 * `sync reconcile`: compares a target with what was applied, or stops the comparison under way, and
 * follows it to its end.
 */
export async function runReconcile(options: ReconcileOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const { output } = session
  const { id } = options.stop ? await stop(session, options) : await start(session, options)
  const report = await follow(session, id)
  output.result(report, () => {
    output.table(
      ['reconcile', 'state', ...Object.keys(report.counts)],
      [
        [
          report.id,
          report.error ? `${report.state} (${report.error.code})` : report.state,
          ...Object.values(report.counts).map(String),
        ],
      ],
    )
  })
  process.exitCode = exitCodeOf(report)
}

async function start(
  { client, pathOf }: TenantSession,
  { provider, repair }: ReconcileOptions,
): Promise<ReportView> {
  const body = { providerId: provider, repair: repair === true }
  const path = pathOf('sync', 'reconcile')
  return reportView.parse(await client.sendForJson({ method: 'POST', path, body }))
}

async function stop(
  { client, pathOf }: TenantSession,
  { provider }: ReconcileOptions,
): Promise<ReportView> {
  const query = new URLSearchParams(provider === undefined ? {} : { providerId: provider })
  const all = `${pathOf('sync', 'reconciles')}?${query.toString()}`
  const list = await client.sendForJson({ method: 'GET', path: all })
  const running = listView.parse(list).items.filter(({ state }) => state === 'running')
  const [only] = running
  if (!only) throwNotStopped('no comparison is under way')
  if (running.length > 1) throwNotStopped('several are under way, say which by --provider')
  const path = pathOf('sync', 'reconciles', only.id, 'stop')
  return reportView.parse(await client.sendForJson({ method: 'POST', path }))
}

function throwNotStopped(reason: string): never {
  throw new AppError('not_running', `Cannot stop this: ${reason}`, { status: 409 })
}

async function follow({ client, output, pathOf }: TenantSession, id: string): Promise<ReportView> {
  const path = pathOf('sync', 'reconciles', id)
  for (;;) {
    const report = reportView.parse(await client.sendForJson({ method: 'GET', path }))
    if (report.state !== 'running') return report
    output.progress(`${report.counts.compared} accounts compared`)
    await delay(LOOK_EVERY_MS)
  }
}

// What was repaired differs no more.
function exitCodeOf({ state, counts }: ReportView): number {
  if (state === 'failed' || state === 'stopped') return EXIT_FAILED
  const { missing, differs, inactive, unexpected, repaired } = counts
  return missing + differs + inactive + unexpected > repaired ? EXIT_DIFFERS : 0
}
