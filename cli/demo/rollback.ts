import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isOpenRollback } from '../../core/license/rollback.ts'
import type { SampleFile } from '../../core/sample/plan.ts'
import type { ApiClient } from '../client.ts'
import type { Output } from '../output.ts'
import { rollbackView, waitForPlan, type RollbackView } from '../upload-rollback.ts'
import { decide, withApprover } from './approver.ts'
import type { DemoPerson } from './caller.ts'
import { takeStep, type DemoStep } from './steps.ts'

export type DemoRollback = {
  /** Of the board. */
  readonly client: ApiClient
  readonly openAs: (person: DemoPerson) => Promise<ApiClient>
  readonly output: Output
  readonly file: SampleFile
}

const GROUP = 'rollback_approvers'
const LOOK_MS = 200

const uploads = z.object({
  items: z.array(
    z.object({
      uploadId: z.string(),
      kind: z.string(),
      compact: z.string(),
      jurisdiction: z.string(),
      counts: z.object({ created: z.number(), updated: z.number() }),
    }),
  ),
})
type UploadItem = z.output<typeof uploads>['items'][number]

/** Takes the board's later file back: planned, approved by somebody else, and applied as planned. */
export async function rollBackLater(demo: DemoRollback): Promise<DemoStep> {
  return await takeStep("rollback of the board's later file", async () => {
    const { openAs } = demo
    const surprises = await withApprover(
      { openAs, group: GROUP },
      async (approver) => await play(demo, approver),
    )
    return { surprises }
  })
}

async function play(demo: DemoRollback, approver: ApiClient): Promise<string[]> {
  const { client, output } = demo
  const upload = await findLater(demo)
  const planned = await plan(client, upload.uploadId, { reason: 'Only a demonstration' })
  const decision = { verdict: 'approve', reason: 'Looked at the plan' } as const
  await decide(approver, planned.approvalId ?? '', decision)
  const applied = await waitForEnd(client, planned)
  const rest = await plan(client, upload.uploadId, { dryRun: true })
  show(output, applied)
  return listSurprises({ upload, planned, applied, rest })
}

async function findLater({ client, file }: DemoRollback): Promise<UploadItem> {
  const answer = await client.sendForJson({ method: 'GET', path: '/v1/uploads?limit=100' })
  const found = uploads
    .parse(answer)
    .items.find(
      ({ kind, compact, jurisdiction }) =>
        kind === 'license' &&
        compact === file.compact.abbreviation &&
        jurisdiction === file.jurisdiction,
    )
  if (!found) throw new Error('the later file cannot be found')
  return found
}

async function plan(client: ApiClient, uploadId: string, body: object): Promise<RollbackView> {
  const path = `/v1/uploads/${uploadId}/rollback`
  const started = rollbackView.parse(await client.sendForJson({ method: 'POST', path, body }))
  return await waitForPlan(client, started)
}

async function waitForEnd(client: ApiClient, { rollbackId }: RollbackView): Promise<RollbackView> {
  const path = `/v1/license-rollbacks/${rollbackId}`
  for (;;) {
    const rollback = rollbackView.parse(await client.sendForJson({ method: 'GET', path }))
    if (!isOpenRollback(rollback.state)) return rollback
    await delay(LOOK_MS)
  }
}

type Outcome = {
  readonly upload: UploadItem
  readonly planned: RollbackView
  readonly applied: RollbackView
  /** A dry run afterwards: nothing is left to be taken back. */
  readonly rest: RollbackView
}

function listSurprises({ upload, planned, applied, rest }: Outcome): string[] {
  const { restored, removed, kept } = applied.counts
  const isWhole = restored + removed + kept === upload.counts.created + upload.counts.updated
  const isAsPlanned = JSON.stringify(applied.counts) === JSON.stringify(planned.counts)
  return [
    ...(applied.state === 'applied' ? [] : [`the rollback is ${applied.state}`]),
    ...(isWhole ? [] : ['the plan does not name every license that the file changed']),
    ...(isAsPlanned ? [] : ['what was done is not what was planned']),
    ...(rest.counts.restored + rest.counts.removed === 0 ? [] : ['something was left']),
  ]
}

function show(output: Output, { counts }: RollbackView): void {
  const { restored, removed, kept } = counts
  output.line("\nThe board's later file was taken back, once somebody else had approved the plan")
  output.line(`  licenses restored: ${restored.toLocaleString('en')}`)
  output.line(`  licenses removed, which it had created: ${removed.toLocaleString('en')}`)
  output.line(`  licenses kept, since they were changed later: ${kept.toLocaleString('en')}`)
}
