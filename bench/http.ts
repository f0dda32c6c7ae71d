import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { median, type BenchReport, type BenchRow } from './report.ts'
import { startStack, stopProcess, type Stack } from './stack.ts'

const CONNECTIONS = 10
const SECONDS = 5
const barePath = fileURLToPath(new URL('./bare-koa.js', import.meta.url))

type Load = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number }

/** An authorised GET of one upload (token, limits, a row by its key) against a bare Koa route, and against one that reads a row too. */
export async function httpBench({ repeats }: { readonly repeats: number }): Promise<BenchReport> {
  const stack = await startStack()
  const bare = spawn(process.execPath, [barePath, stack.databaseUrl], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [port] = (await once(bare.stdout, 'data')) as [Buffer]
    const bareUrl = `http://127.0.0.1:${port.toString().trim()}`
    const target = await prepareUpload(stack)
    const rows: BenchRow[] = []
    for (let run = 0; run < repeats; run += 1) {
      const peer = await load(`${bareUrl}/bare/1`)
      const row = await load(`${bareUrl}/row/${target.uploadId}`)
      const ours = await load(target.url, target.token)
      rows.push(toRow(`run ${run + 1}`, { peer, row, ours }))
    }
    return {
      name: 'http',
      against: 'a bare Koa route in the same run',
      rows: [...rows, summarise(rows)],
    }
  } finally {
    await stopProcess(bare)
    await stack.stop()
  }
}

async function prepareUpload(
  stack: Stack,
): Promise<{ url: string; uploadId: string; token: string }> {
  const token = await stack.token('aslp/write aslp/oh.write')
  const answer = await fetch(
    `${stack.apiUrl}/v1/compacts/aslp/jurisdictions/oh/licenses/bulk-upload`,
    { headers: { authorization: `Bearer ${token}` } },
  )
  const { uploadId } = (await answer.json()) as { uploadId: string } // our own API
  return { url: `${stack.apiUrl}/v1/uploads/${uploadId}`, uploadId, token }
}

async function load(url: string, token?: string): Promise<Load> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const options = { url, headers, connections: CONNECTIONS }
  await autocannon({ ...options, duration: 1 })
  const result = await autocannon({ ...options, duration: SECONDS })
  if (result.non2xx > 0) throw new Error(`Cannot measure "${url}": ${result.non2xx} refusals`)
  const { requests, latency } = result
  return { perSecond: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 }
}

type Loads = { readonly peer: Load; readonly row: Load; readonly ours: Load }

function toRow(name: string, { peer, row, ours }: Loads): BenchRow {
  return {
    run: name,
    'bare/s': Math.round(peer.perSecond),
    'bare with a row/s': Math.round(row.perSecond),
    'GET/s': Math.round(ours.perSecond),
    ratio: ours.perSecond / peer.perSecond,
    'ratio with a row': ours.perSecond / row.perSecond,
    'p50 ms': ours.p50Ms,
    'p99 ms': ours.p99Ms,
  }
}

function summarise(rows: readonly BenchRow[]): BenchRow {
  const middle = (name: string): number => median(rows.map((row) => Number(row[name])))
  return {
    run: 'median',
    ratio: middle('ratio'),
    'ratio with a row': middle('ratio with a row'),
  }
}
