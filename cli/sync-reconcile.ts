import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { openTenant, type TenantOptions, type TenantSession } from './tenant-options.ts'

export type ReconcileOptions = TenantOptions & {
  readonly provider?: string
  readonly repair?: boolean
}

const SCOPE = 'roster:read roster:sync'
const LOOK_EVERY_MS = 1_000
const EXIT_FAILED = 1
const EXIT_DIFFERS = 3

const reportView = z.looseObject({
  id: z.string(),
  state: z.enum(['running', 'succeeded', 'failed']),
  counts: z.object({
    compared: z.number(),
    missing: z.number(),
    differs: z.number(),
    inactive: z.number(),
    unexpected: z.number(),
    repaired: z.number(),
    failed: z.number(),
  }),
  error: z.object({ code: z.string() }).optional(),
})
type ReportView = z.output<typeof reportView>

/** `sync reconcile`: compares a target with what was applied, and follows it to its end. */
export async function runReconcile(options: ReconcileOptions): Promise<void> {
  const session = await openTenant(options, SCOPE)
  const { client, output } = session
  const body = { providerId: options.provider, repair: options.repair === true }
  const path = session.pathOf('sync', 'reconcile')
  const started = reportView.parse(await client.sendForJson({ method: 'POST', path, body }))
  const report = await follow(session, started.id)
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
  if (state === 'failed') return EXIT_FAILED
  const { missing, differs, inactive, unexpected, repaired } = counts
  return missing + differs + inactive + unexpected > repaired ? EXIT_DIFFERS : 0
}
