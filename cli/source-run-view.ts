import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { ApiClient } from './client.ts'

/** A run of a source as the API answers it. */
export const sourceRunView = z.object({
  id: z.string(),
  mode: z.string(),
  dryRun: z.boolean(),
  state: z.string(),
  counts: z.record(z.string(), z.number()),
  hold: z.object({ reason: z.string(), leavers: z.number(), known: z.number() }).nullable(),
  failures: z.array(
    z.object({ record: z.number().nullable(), key: z.string().nullable(), code: z.string() }),
  ),
  approvalId: z.string().nullable(),
  errorCode: z.string().nullable(),
})
export type SourceRunView = z.output<typeof sourceRunView>

export type Pull = {
  readonly source: string
  readonly mode: 'full' | 'incremental'
  readonly dryRun: boolean
  /** Told of every state on the way. */
  readonly onState?: (state: string) => void
}

const ENDED: ReadonlySet<string> = new Set(['held', 'succeeded', 'partial', 'failed', 'discarded'])
const LOOK_EVERY_MS = 500

/** Pulls from a source, and follows the run until it has ended or waits for a decision. */
export async function pullFrom(client: ApiClient, pull: Pull): Promise<SourceRunView> {
  const path = `/v1/sources/${encodeURIComponent(pull.source)}/runs`
  const body = { mode: pull.mode, dryRun: pull.dryRun }
  const started = sourceRunView.parse(await client.sendForJson({ method: 'POST', path, body }))
  let shown = ''
  for (;;) {
    const now = await readSourceRun(client, { source: pull.source, id: started.id })
    if (ENDED.has(now.state)) return now
    if (now.state !== shown) pull.onState?.(now.state)
    shown = now.state
    await delay(LOOK_EVERY_MS)
  }
}

/** The run as it is now. */
export async function readSourceRun(
  client: ApiClient,
  { source, id }: { readonly source: string; readonly id: string },
): Promise<SourceRunView> {
  const path = `/v1/sources/${encodeURIComponent(source)}/runs/${id}`
  return sourceRunView.parse(await client.sendForJson({ method: 'GET', path }))
}
