import { openAsBlob } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from '@temporalio/client'
import type pg from 'pg'
import { licenseUploadWorkflowId } from '../core/license/workflow.ts'
import type { Stack } from './stack.ts'

export type IngestRun = {
  /** From the file's last byte to `completed`. */
  readonly totalMs: number
  /** From the file's last byte until the first verdicts are seen over HTTP. */
  readonly firstVerdictMs: number
  readonly events: number
  readonly counts: Readonly<Record<string, number>>
}

type UploadView = { readonly state: string; readonly counts: Readonly<Record<string, number>> }

const POLL_MS = 50
const NAMESPACE = 'default'
const path = '/v1/compacts/aslp/jurisdictions/oh/licenses/bulk-upload'

/**
 * Uploads a file as a board would and waits until its run has completed; then until nothing is left of
 * it to be done, so that the next one is not measured beside it.
 */
export async function runIngest(
  stack: Stack,
  {
    client,
    token,
    file,
  }: { readonly client: pg.Client; readonly token: string; readonly file: string },
): Promise<IngestRun> {
  const headers = { authorization: `Bearer ${token}` }
  const form = (await callJson(`${stack.apiUrl}${path}`, { headers })) as {
    upload: { url: string; fields: Record<string, string> }
    uploadId: string
  } // as documented
  const body = new FormData()
  for (const [name, value] of Object.entries(form.upload.fields)) body.append(name, value)
  body.append('Content-Type', 'text/csv')
  body.append('file', await openAsBlob(file), 'licenses.csv')
  const answer = await fetch(form.upload.url, { method: 'POST', body })
  if (!answer.ok) throw new Error(`Cannot upload: ${answer.status} ${await answer.text()}`)
  const { uploadId } = form
  const { view, firstAt } = await follow(`${stack.apiUrl}/v1/uploads/${uploadId}`, headers)
  const { rows } = await client.query<{ received: Date; total: number }>(
    `select received_at as received, extract(epoch from finished_at - received_at)::float8 * 1000
       as total
     from uploads where id = $1`,
    [uploadId],
  )
  const times = rows[0]
  if (view.state !== 'completed' || !times) throw new Error(`Cannot ingest: ${view.state}`)
  return {
    totalMs: times.total,
    firstVerdictMs: firstAt - times.received.getTime(),
    events: await awaitEnd(stack, { client, uploadId }),
    counts: view.counts,
  }
}

async function follow(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ view: UploadView; firstAt: number }> {
  let firstAt = 0
  for (;;) {
    const view = (await callJson(url, { headers })) as UploadView // as documented
    if (firstAt === 0 && (view.counts['records'] ?? 0) > 0) firstAt = Date.now()
    if (['completed', 'failed', 'cancelled'].includes(view.state)) return { view, firstAt }
    await delay(POLL_MS)
  }
}

async function callJson(url: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`Cannot read "${url}": ${answer.status}`)
  return await answer.json()
}

// After an upload is complete its run drops what was staged and looks at the tables' statistics,
// and its audit entries are sealed. Answers with the events of the run.
async function awaitEnd(
  stack: Stack,
  { client, uploadId }: { readonly client: pg.Client; readonly uploadId: string },
): Promise<number> {
  const connection = await Connection.connect({ address: stack.temporalAddress })
  try {
    for (;;) {
      const { workflowExecutionInfo: info } =
        await connection.workflowService.describeWorkflowExecution({
          namespace: NAMESPACE,
          execution: { workflowId: licenseUploadWorkflowId(uploadId) },
        })
      if (info?.closeTime && (await isSealed(client))) return Number(info.historyLength)
      await delay(POLL_MS)
    }
  } finally {
    await connection.close()
  }
}

async function isSealed(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ sealed: boolean }>(
    `select coalesce((select max(seq) from audit_entries), 0)
       <= coalesce((select max(to_seq) from audit_seals), 0) as sealed`,
  )
  return rows[0]?.sealed ?? false
}
