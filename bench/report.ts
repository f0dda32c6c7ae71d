import { cpus, totalmem } from 'node:os'
import Table from 'cli-table3'

/** One line of a report: what was measured, under which conditions, and its figures. */
export type BenchRow = Readonly<Record<string, string | number>>

export type BenchReport = {
  readonly name: string
  /** What the figures are compared with, in one sentence. */
  readonly against: string
  readonly rows: readonly BenchRow[]
}

/** A benchmark: measures at least `repeats` times and reports medians (and spread where it matters). */
export type Bench = (options: { readonly repeats: number }) => Promise<BenchReport>

/** Prints a report as a table on stderr and as one JSON document on stdout. */
export function printReport(report: BenchReport): void {
  const columns = [...new Set(report.rows.flatMap((row) => Object.keys(row)))]
  const table = new Table({ head: columns, style: { head: [], border: [] } })
  for (const row of report.rows) table.push(columns.map((column) => formatCell(row[column])))
  process.stderr.write(`\n${report.name}: against ${report.against}\n${table.toString()}\n`)
  const machine = { cores: cpus().length, memoryBytes: totalmem(), node: process.version }
  process.stdout.write(`${JSON.stringify({ ...report, machine })}\n`)
}

/** The value below which the share `q` (0 to 1) of the samples lies; NaN for none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

/** The middle value of the samples. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** Runs `work` and answers its duration in milliseconds. */
export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function formatCell(value: string | number | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  return Number.isInteger(value) ? String(value) : value.toPrecision(3)
}
