import type { Database } from '../db/client.ts'
import { startBenchDatabase } from './database.ts'
import { median, quantile, timeMs, type Bench, type BenchRow } from './report.ts'
import { walkSeats, type SeatWalk } from './seat-steps.ts'

const TRANSITIONS = 10_000
const WORKERS = 8

/**
 * 10,000 random transitions of seats with 8 workers on the same two pools: people come, go, move and
 * come back, capacities and policies change, time passes. Each is compared with the rules in memory.
 */
export const seatBench: Bench = async ({ repeats }) => {
  const { db, end } = await startBenchDatabase({ maxConnections: WORKERS })
  try {
    const rows: BenchRow[] = []
    for (let round = 1; round <= repeats; round += 1) rows.push(await measure(db, round))
    const against = 'the rules in memory, in the order in which the transitions were serialized'
    return { name: 'seat', against, rows }
  } finally {
    await end()
  }
}

async function measure(db: Database, round: number): Promise<BenchRow> {
  let walk: SeatWalk | undefined
  const ms = await timeMs(async () => {
    walk = await walkSeats(db, { seed: round, transitions: TRANSITIONS, workers: WORKERS })
  })
  const allocationsMs = walk?.allocationsMs ?? []
  return {
    round,
    workers: WORKERS,
    transitions: TRANSITIONS,
    'transitions/s': (TRANSITIONS * 1000) / ms,
    'p50 ms': median(allocationsMs),
    'p99 ms': quantile(allocationsMs, 0.99),
    'seats granted': walk?.seatsGranted ?? 0,
    differences: walk?.differences.length ?? Number.NaN,
  }
}
