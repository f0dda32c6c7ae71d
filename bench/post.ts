import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { defaultCompacts, findCompact } from '../core/license/compacts.ts'
import { createLicensee } from '../core/sample/licensee.ts'
import { median, quantile, timeMs, type BenchReport, type BenchRow } from './report.ts'
import { startStack, type Stack } from './stack.ts'

const RECORDS = 100
const REQUESTS = 100
const PAUSE_MS = 100
const path = '/v1/compacts/aslp/jurisdictions/oh/licenses'

/**
 * POST of 100 records, one after the other with pauses, against one raw transaction that writes the
 * same rows as the request: upload, payload of the same size, outbox, sequence, audit entry.
 */
export async function postBench({ repeats }: { readonly repeats: number }): Promise<BenchReport> {
  const stack = await startStack()
  const raw = new pg.Client({ connectionString: stack.databaseUrl })
  await raw.connect()
  try {
    const token = await stack.token('aslp/write aslp/oh.write')
    const rows: BenchRow[] = []
    for (let run = 0; run < repeats; run += 1) {
      rows.push(await measure({ stack, raw, token, run: run + 1 }))
    }
    const ratio = median(rows.map((row) => Number(row['ratio p50'])))
    const against = 'one raw transaction with the same writes'
    return { name: 'post', against, rows: [...rows, { run: 'median', 'ratio p50': ratio }] }
  } finally {
    await raw.end()
    await stack.stop()
  }
}

type Measure = {
  readonly stack: Stack
  readonly raw: pg.Client
  readonly token: string
  readonly run: number
}

async function measure({ stack, raw, token, run }: Measure): Promise<BenchRow> {
  const rawMs: number[] = []
  const postMs: number[] = []
  for (let request = 0; request < REQUESTS; request += 1) {
    const body = JSON.stringify(makeRecords(run * REQUESTS + request))
    rawMs.push(await timeMs(async () => await writeRaw(raw, Buffer.byteLength(body))))
    postMs.push(await timeMs(async () => await post(stack.apiUrl, { token, body })))
    await new Promise((done) => setTimeout(done, PAUSE_MS))
  }
  return {
    run,
    'raw p50 ms': median(rawMs),
    'POST p50 ms': median(postMs),
    'POST p99 ms': quantile(postMs, 0.99),
    'ratio p50': median(postMs) / median(rawMs),
  }
}

function makeRecords(seed: number): unknown[] {
  const compact = findCompact(defaultCompacts, 'aslp')
  if (!compact) throw new Error('Cannot find compact "aslp"')
  const register = { compact, jurisdiction: 'oh', seed }
  return Array.from({ length: RECORDS }, (_, index) => createLicensee(register, index))
}

async function post(
  apiUrl: string,
  { token, body }: { readonly token: string; readonly body: string },
): Promise<void> {
  const answer = await fetch(`${apiUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  })
  if (answer.status !== 202) throw new Error(`Cannot post: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
}

// Of another jurisdiction, already completed and never due: the product does nothing with these rows.
async function writeRaw(raw: pg.Client, sizeBytes: number): Promise<void> {
  const id = randomUUID()
  await raw.query('begin')
  await raw.query(
    `insert into upload_sequences (compact, jurisdiction, last)
     values ('aslp', 'ak', 1)
     on conflict (compact, jurisdiction) do update set last = upload_sequences.last + 1`,
  )
  await raw.query(
    `insert into uploads (id, kind, compact, jurisdiction, state, created_by, request_id, sequence)
     values ($1::uuid, 'bench', 'aslp', 'ak', 'completed', 'bench', 'bench', 1)`,
    [id],
  )
  await raw.query(
    'insert into upload_payloads (upload_id, ciphertext) values ($1::uuid, $2::bytea)',
    [id, randomBytes(sizeBytes)],
  )
  await raw.query(
    `insert into workflow_starts
       (workflow_id, workflow_type, task_queue, input, summary, request_id, next_attempt_at)
     values ($1::text, 'bench', 'bench', '{}', 'bench', 'bench', 'infinity')`,
    [id],
  )
  await raw.query(
    `insert into audit_entries (actor, action, subject_type, subject_id, cause)
     values ('bench', 'upload.received', 'upload', $1::text, '{}')`,
    [id],
  )
  await raw.query('commit')
}
