import { randomUUID } from 'node:crypto'
import { applyChanges } from '../activities/roster/apply.ts'
import { closeRun } from '../activities/roster/close.ts'
import { planRun } from '../activities/roster/plan.ts'
import { pullPages } from '../activities/roster/pull.ts'
import type { RosterDeps } from '../activities/roster/roster-deps.ts'
import { seatPeople } from '../activities/roster/seats.ts'
import { readEnv } from '../config/env.ts'
import { providerSchema } from '../core/roster/provider.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { insertRosterProvider } from '../db/roster/providers.ts'
import { startRosterRun } from '../db/roster/start.ts'
import { startBenchDatabase } from './database.ts'
import { timeMs } from './report.ts'
import { BenchSource, BenchTarget, type DistrictSize } from './roster-district.ts'

/** How long the parts of a run took. */
export type RunTimes = Readonly<
  Record<'pullMs' | 'planMs' | 'applyMs' | 'seatMs' | 'closeMs', number>
>

export type RosterBenchSite = {
  readonly db: Database
  readonly size: DistrictSize
  readonly source: BenchSource
  readonly target: BenchTarget
  /** Adds a full run and reads the source; answers its id. */
  readonly pull: () => Promise<{ readonly runId: string; readonly pullMs: number }>
  readonly plan: (runId: string) => Promise<number>
  /** A whole run. */
  readonly sync: () => Promise<RunTimes>
  readonly close: () => Promise<void>
}

const DEFAULT_USERS = 250_000
const ENROLLMENTS = 6
const NEVER = new AbortController().signal

/** A database with a provider of a made-up district: `BENCH_USERS` people, six enrollments each. */
export async function startRosterBench(): Promise<RosterBenchSite> {
  const { db, end } = await startBenchDatabase()
  const size = {
    users: Number(readEnv()['BENCH_USERS'] ?? DEFAULT_USERS),
    enrollments: ENROLLMENTS,
  }
  const [source, target] = [new BenchSource(size), new BenchTarget()]
  const deps: RosterDeps = {
    db,
    openSource: async () => await Promise.resolve(source),
    openTarget: async () => await Promise.resolve(target),
  }
  const providerId = await addProvider(db)
  const pull: RosterBenchSite['pull'] = async () => {
    const runId = await addRun(db, providerId)
    const pullMs = await timeMs(async () => {
      while ((await pullPages(deps, runId, NEVER)).state !== 'done');
    })
    return { runId, pullMs }
  }
  const plan = async (runId: string): Promise<number> =>
    await timeMs(async () => await planRun(db, runId, NEVER))
  return {
    db,
    size,
    source,
    target,
    pull,
    plan,
    async sync() {
      const { runId, pullMs } = await pull()
      const planMs = await plan(runId)
      const applyMs = await timeMs(async () => await applyAll(deps, runId))
      const seatMs = await timeMs(async () => await seatAll(deps, runId))
      const closeMs = await timeMs(async () => await closeRun(db, runId, NEVER))
      return { pullMs, planMs, applyMs, seatMs, closeMs }
    },
    close: end,
  }
}

/** The sum of a run's times. */
export function sumTimes(times: RunTimes): number {
  return Object.values(times).reduce((sum, ms) => sum + ms, 0)
}

async function addProvider(db: Database): Promise<string> {
  const id = randomUUID()
  const settings = providerSchema.parse({
    name: 'Bench',
    kind: 'clever',
    baseUrl: 'https://clever.example/v3.1',
    auth: { type: 'bearer', token: 'bench' },
    scim: { baseUrl: 'https://scim.example', auth: { type: 'bearer', token: 'bench' } },
  })
  await insertRosterProvider(db, { id, tenant: 'bench', settings })
  return id
}

async function addRun(db: Database, providerId: string): Promise<string> {
  await db.query(
    `update roster_runs set state = 'stopped', ended_at = now()
     where state in ('queued', 'pulling', 'planning', 'applying')`,
  )
  const request = {
    providerId,
    mode: 'full',
    trigger: 'manual',
    startedBy: null,
    requestId: 'bench',
    now: new Date(),
  } as const
  const started = await withTransaction(db, async (tx) => await startRosterRun(tx, request))
  if (started.outcome !== 'started') throw new Error(`Cannot start a run: ${started.outcome}`)
  return started.run.id
}

async function applyAll(deps: RosterDeps, runId: string): Promise<void> {
  let slice = await applyChanges(deps, { runId }, NEVER)
  while (slice.state !== 'done') {
    slice = await applyChanges(deps, { runId, cursor: slice.cursor }, NEVER)
  }
}

async function seatAll(deps: RosterDeps, runId: string): Promise<void> {
  let slice = await seatPeople(deps, { runId }, NEVER)
  while (slice.state !== 'done') {
    slice = await seatPeople(deps, { runId, cursor: slice.cursor }, NEVER)
  }
}
