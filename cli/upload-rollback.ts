import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import type { Compacts } from '../core/license/compacts.ts'
import { rollbackStates } from '../core/license/rollback.ts'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, parseText, type RemoteOptions } from './options.ts'
import { createOutput, type Output } from './output.ts'

type Options = RemoteOptions & {
  readonly dryRun?: boolean
  readonly undo?: boolean
  readonly reason?: string
  readonly as?: string
}

const LOOK_EVERY_MS = 300
const EXIT_FAILED = 1

/** A rollback as the API shows it. */
export const rollbackView = z.looseObject({
  rollbackId: z.string(),
  state: z.enum(rollbackStates),
  failureCode: z.string().nullable(),
  counts: z.object({
    restored: z.number(),
    removed: z.number(),
    recreated: z.number(),
    kept: z.number(),
  }),
  approvalId: z.string().nullable(),
})
export type RollbackView = z.output<typeof rollbackView>

/** Adds `upload rollback`: plans to take back what an upload did, and asks for approval. */
export function registerUploadRollbackCommand(upload: Command): void {
  const command = upload
    .command('rollback <id>')
    .description('plans to take back what an upload did to licenses, and asks for approval')
    .option('--dry-run', 'only plan it')
    .option('--undo', 'the id is that of a rollback, which is taken back')
    .option('--reason <text>', 'what approvers are told', parseText)
    .option('--as <login>', 'as whom, with a token of the local issuer (cli)', parseText)
    .addHelpText('after', '\nExit code: 0 planned or waiting for approval, 1 failed.')
    .action(runRollback)
  addRemoteOptions(command)
}

async function runRollback(id: string, _own: Options, command: Command): Promise<void> {
  // What `upload` takes too, it takes first.
  const options = command.optsWithGlobals<Options>()
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const scope = listWriteScopes(config.compacts)
  const client = await openApiClient({ ...options, config, scope, subject: options.as })
  const of = options.undo ? 'license-rollbacks' : 'uploads'
  const path = `/v1/${of}/${encodeURIComponent(id)}/rollback`
  const body = { dryRun: options.dryRun === true, reason: options.reason }
  const started = rollbackView.parse(await client.sendForJson({ method: 'POST', path, body }))
  const output = createOutput(options)
  const planned = await waitForPlan(client, started)
  output.result(planned, () => showRollback(output, planned))
  if (planned.state === 'failed') process.exitCode = EXIT_FAILED
}

/** Waits until a rollback is planned, and returns it. */
export async function waitForPlan(
  client: ApiClient,
  started: Pick<RollbackView, 'rollbackId'>,
): Promise<RollbackView> {
  const path = `/v1/license-rollbacks/${started.rollbackId}`
  for (;;) {
    const rollback = rollbackView.parse(await client.sendForJson({ method: 'GET', path }))
    if (rollback.state !== 'planning') return rollback
    await delay(LOOK_EVERY_MS)
  }
}

function showRollback(output: Output, rollback: RollbackView): void {
  const { rollbackId, state, failureCode, counts, approvalId } = rollback
  output.table(
    ['rollback', 'state', ...Object.keys(counts)],
    [
      [
        rollbackId,
        failureCode ?? state,
        ...Object.values(counts).map((count) => count.toLocaleString('en')),
      ],
    ],
  )
  if (state === 'awaiting-approval' && approvalId !== null) {
    output.line(`It waits for approval: "registrar approve show ${approvalId}"`)
  }
}

// Whose upload it is, the API finds out.
function listWriteScopes(compacts: Compacts): string {
  return compacts
    .flatMap(({ abbreviation, members }) =>
      members.map((member) => `${abbreviation}/${member}.write`),
    )
    .join(' ')
}
