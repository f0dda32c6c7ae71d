import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { withTransaction, type Database } from '../db/client.ts'
import { createRosterStaging, nameRosterStaging } from '../db/roster/staging.ts'
import { median, timeMs, type Bench } from './report.ts'
import { startRosterBench, sumTimes, type RunTimes } from './roster-site.ts'

const TABLES = ['records', 'users', 'enrollments'] as const
const RAW_RUN = '00000000-0000-4000-8000-000000000000'
const MEGABYTE = 1024 * 1024

/** Rows a second from a source that answers at once into staging, against COPY of the same rows. */
export const rosterPullBench: Bench = async ({ repeats }) => {
  const site = await startRosterBench()
  const directory = await mkdtemp(join(tmpdir(), 'registrar-bench-'))
  try {
    const pulls: number[] = []
    const copies: number[] = []
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const { runId, pullMs } = await site.pull()
      pulls.push(pullMs)
      copies.push(await measureCopyMs(site.db, { runId, directory }))
    }
    const rows = site.size.users * (1 + site.size.enrollments)
    const ofRaw = copies.map((ms, index) => ms / (pulls[index] ?? Number.NaN))
    return {
      name: 'roster-pull',
      against: 'COPY of the same rows into the same tables',
      rows: [
        {
          rows,
          'rows/s': Math.round(rows / (median(pulls) / 1_000)),
          'raw rows/s': Math.round(rows / (median(copies) / 1_000)),
          'of raw': median(ofRaw),
          target: '≥ 0.3',
        },
      ],
    }
  } finally {
    await site.close()
    await rm(directory, { recursive: true })
  }
}

/** Seconds from what was read to a plan with its hash: nothing changed, and one in a hundred. */
export const rosterPlanBench: Bench = async ({ repeats }) => {
  const site = await startRosterBench()
  try {
    const first = await site.sync()
    const rows = [{ case: 'first', plan_s: first.planMs / 1_000, 'memory MB': memoryMb() }]
    for (const [name, changedEvery] of Object.entries({ 'no change': 0, '1 % changed': 100 })) {
      site.source.changedEvery = changedEvery
      const plans: number[] = []
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const { runId } = await site.pull()
        plans.push(await site.plan(runId))
      }
      rows.push({ case: name, plan_s: median(plans) / 1_000, 'memory MB': memoryMb() })
    }
    const { users, enrollments } = site.size
    return {
      name: 'roster-plan',
      against: `20 s for 250,000 people and 1.5 million enrollments (here ${users} and ${users * enrollments})`,
      rows,
    }
  } finally {
    await site.close()
  }
}

/** A full sync that finds nothing to do, against the first one to a target that answers at once. */
export const rosterNoopBench: Bench = async ({ repeats }) => {
  const site = await startRosterBench()
  try {
    const first = await site.sync()
    const { writes } = site.target
    const again: RunTimes[] = []
    for (let repeat = 0; repeat < repeats; repeat += 1) again.push(await site.sync())
    const middle = again.toSorted((one, other) => sumTimes(one) - sumTimes(other))
    const usual = middle[Math.floor(repeats / 2)] ?? first
    const share = sumTimes(usual) / sumTimes(first)
    return {
      name: 'roster-noop',
      against: 'the first sync of the same district, which writes it all',
      rows: [
        { run: 'first', ...seconds(first), writes, target: '' },
        {
          run: 'again',
          ...seconds(usual),
          'of first': share,
          writes: site.target.writes - writes,
          target: '≤ 0.1, no writes',
        },
      ],
    }
  } finally {
    await site.close()
  }
}

function seconds(times: RunTimes): Record<string, number> {
  const parts = Object.entries(times).map(([name, ms]) => [name.replace('Ms', '_s'), ms / 1_000])
  return { all_s: sumTimes(times) / 1_000, ...Object.fromEntries(parts) }
}

function memoryMb(): number {
  return Math.round(process.memoryUsage().rss / MEGABYTE)
}

async function measureCopyMs(
  db: Database,
  { runId, directory }: { readonly runId: string; readonly directory: string },
): Promise<number> {
  for (const table of TABLES) await keepRows(db, { runId, table, path: join(directory, table) })
  await createRosterStaging(db, RAW_RUN)
  const ms = await timeMs(
    async () =>
      await withTransaction(db, async (tx) => {
        for (const table of TABLES) {
          const to = tx.query(copyFrom(`copy ${nameRosterStaging(RAW_RUN, table)} from stdin`))
          await pipeline(createReadStream(join(directory, table)), to)
        }
      }),
  )
  for (const table of TABLES) await db.query(`drop table ${nameRosterStaging(RAW_RUN, table)}`)
  return ms
}

async function keepRows(
  db: Database,
  {
    runId,
    table,
    path,
  }: {
    readonly runId: string
    readonly table: (typeof TABLES)[number]
    readonly path: string
  },
): Promise<void> {
  const client = await db.connect()
  try {
    const from = client.query(copyTo(`copy ${nameRosterStaging(runId, table)} to stdout`))
    await pipeline(from, createWriteStream(path))
  } finally {
    client.release()
  }
}
