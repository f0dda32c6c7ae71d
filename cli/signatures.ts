import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { ApiClient } from './client.ts'
import type { Output } from './output.ts'

const LOOK_EVERY_MS = 500

const run = z.object({
  id: z.string(),
  state: z.string(),
  counts: z.record(z.string(), z.number()),
})

/** The scope of a look at the signatures. */
export const signaturesScope = 'signature:write'

/** Looks at every signature of the vault and follows it to its end; answers whether all are in order. */
export async function checkSignatures(
  { client, output }: { readonly client: ApiClient; readonly output: Output },
  { renew }: { readonly renew: boolean },
): Promise<boolean> {
  const path = '/v1/signature-runs'
  const started = run.parse(await client.sendForJson({ method: 'POST', path, body: { renew } }))
  for (;;) {
    const now = run.parse(
      await client.sendForJson({ method: 'GET', path: `${path}/${started.id}` }),
    )
    if (now.state !== 'running') {
      const { counts } = now
      output.result(now, () =>
        output.table(Object.keys(counts), [Object.values(counts).map(String)]),
      )
      const { renewable = 0, expired = 0, keyGone = 0 } = counts
      if (expired + keyGone > 0) output.line(`Which ones: GET ${path}/${now.id}/faults`)
      return renewable + expired + keyGone === 0
    }
    output.progress(`${now.counts['persons'] ?? 0} persons looked at`)
    await delay(LOOK_EVERY_MS)
  }
}
