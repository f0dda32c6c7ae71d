import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { writeBenchFile } from './ingest-files.ts'
import { keepStoredRows, measureRawMs } from './ingest-raw.ts'
import { runIngest, type IngestRun } from './ingest-run.ts'
import { readPeakMemory } from './process-memory.ts'
import { median, type BenchReport, type BenchRow } from './report.ts'
import { startStack, type Stack } from './stack.ts'

const SIZES = [10_000, 100_000, 1_000_000]

/**
 * A board's file, its first load, the same file again and one with 1 % of the rows changed, against
 * COPY and INSERT … SELECT of the same rows by one connection in the same run.
 */
export async function ingestBench({
  repeats,
  sizes = SIZES,
}: {
  readonly repeats: number
  readonly sizes?: readonly number[]
}): Promise<BenchReport> {
  const rows: BenchRow[] = []
  for (const size of sizes) rows.push(...(await measureSize(size, repeats)))
  const against = 'COPY of the same rows and INSERT … SELECT into as many tables with their keys'
  return { name: 'ingest', against, rows }
}

type Files = { readonly first: string; readonly changed: string; readonly stored: string }
type Round = { readonly first: IngestRun; readonly again: IngestRun; readonly changed: IngestRun }

async function measureSize(size: number, repeats: number): Promise<BenchRow[]> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-bench-files-'))
  const files: Files = {
    first: join(directory, 'first.csv'),
    changed: join(directory, 'changed.csv'),
    stored: join(directory, 'stored.copy'),
  }
  await writeBenchFile(files.first, { rows: size })
  await writeBenchFile(files.changed, { rows: size, changed: true })
  const stack = await startStack()
  const client = new pg.Client({ connectionString: stack.databaseUrl })
  await client.connect()
  try {
    const token = await stack.token('aslp/write aslp/oh.write')
    const rounds: Round[] = []
    const rawMs: number[] = []
    for (let round = 0; round < repeats; round += 1) {
      await emptyTables(client)
      const run = async (file: string): Promise<IngestRun> =>
        await runIngest(stack, { client, token, file })
      const first = await run(files.first)
      if (round === 0) await keepStoredRows(client, files.stored)
      rounds.push({ first, again: await run(files.first), changed: await run(files.changed) })
      rawMs.push(await measureRawMs(client, files.stored))
    }
    const { size: bytes } = await stat(files.first)
    return await report({ size, bytes, rounds, rawMs, stack })
  } finally {
    await client.end()
    await stack.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function report(measured: {
  readonly size: number
  readonly bytes: number
  readonly rounds: readonly Round[]
  readonly rawMs: readonly number[]
  readonly stack: Stack
}): Promise<BenchRow[]> {
  const { size, bytes, rounds, rawMs, stack } = measured
  const raw = median(rawMs)
  const { pid } = JSON.parse(await readFile(join(stack.dataDir, 'run.json'), 'utf8')) as {
    pid: number
  } // written by `up`
  const memory = await readPeakMemory(pid)
  const kinds = ['first', 'again', 'changed'] as const
  return kinds.map((kind) => {
    const runs = rounds.map((round) => round[kind])
    const totalMs = median(runs.map((run) => run.totalMs))
    return {
      rows: size,
      MB: Math.round(bytes / 1e6),
      load: kind,
      'median s': totalMs / 1000,
      'all s': runs.map((run) => (run.totalMs / 1000).toFixed(2)).join(' '),
      'rows/s': Math.round((size / totalMs) * 1000),
      ...(kind === 'first' ? { 'raw s': raw / 1000, ratio: raw / totalMs } : {}),
      'first verdict ms': Math.round(median(runs.map((run) => run.firstVerdictMs))),
      events: Math.max(...runs.map((run) => run.events)),
      updated: runs[0]?.counts['updated'] ?? 0,
      ...(kind === 'changed'
        ? Object.fromEntries(Object.entries(memory).map(([name, mb]) => [`${name} MB`, mb]))
        : {}),
    }
  })
}

async function emptyTables(client: pg.Client): Promise<void> {
  await client.query(
    `truncate provider_ssns, licenses, providers, license_history, audit_entries, audit_seals`,
  )
  await client.query('checkpoint')
}
