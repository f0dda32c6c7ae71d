import { randomUUID } from 'node:crypto'
import { createApprovalActivities } from '../../activities/approval.ts'
import { withFailures } from '../../activities/failures.ts'
import { createRosterActivities } from '../../activities/roster.ts'
import { createRosterPlanEffect } from '../../activities/roster/approval-effect.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { providerSchema } from '../../core/roster/provider.ts'
import type { RosterSource } from '../../core/roster/source.ts'
import type { ScimTarget } from '../../core/roster/target.ts'
import { rosterPlanApprovalType } from '../../core/roster/workflow.ts'
import { withTransaction } from '../../db/client.ts'
import { insertRosterProvider } from '../../db/roster/providers.ts'
import { findRosterRun, type NewRosterRun, type RosterRun } from '../../db/roster/runs.ts'
import { startRosterRun } from '../../db/roster/start.ts'
import { claimDueStarts, deleteStart } from '../../db/workflow-starts.ts'
import { castTestVote } from './approvals.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { waitUntil } from './polling.ts'
import { createProviderBody } from './rosters.ts'
import {
  createTestTemporal,
  createTestWorker,
  type TestTemporal,
  type TestWorker,
} from './temporal.ts'

export type RosterSite = {
  readonly database: TestDatabase
  readonly temporal: TestTemporal
  readonly worker: TestWorker
  readonly tenant: string
  /** Adds a provider that reads and writes these. */
  readonly addProvider: (ends: Ends, settings?: object) => Promise<string>
  /** Starts a run and answers its id. */
  readonly start: (providerId: string, run?: RunChange) => Promise<string>
  /** Starts a run and answers it once it has ended or is held. */
  readonly sync: (providerId: string, run?: RunChange) => Promise<RosterRun>
  readonly waitForEnd: (runId: string) => Promise<RosterRun>
  readonly getRun: (runId: string) => Promise<RosterRun>
  /** Hands over what the product has queued, to the queue of this site. */
  readonly relay: () => Promise<void>
  readonly vote: (run: RosterRun, verdict: 'approve' | 'deny') => Promise<void>
  readonly close: () => Promise<void>
}

export type Ends = { readonly source: RosterSource; readonly target: ScimTarget }
export type RunChange = Partial<
  Pick<
    NewRosterRun,
    'mode' | 'trigger' | 'startedBy' | 'selection' | 'dryRun' | 'addsOnly' | 'isForced'
  >
>

const ENDED: ReadonlySet<string> = new Set([
  'held',
  'succeeded',
  'partial',
  'failed',
  'stopped',
  'discarded',
])

/** A database, a worker and providers whose ends are given. */
export async function startRosterSite(
  options: { readonly plain?: boolean } = {},
): Promise<RosterSite> {
  const database = await createTestDatabase()
  const temporal = createTestTemporal(options)
  const { db } = database
  const ends = new Map<string, Ends>()
  const find = (id: string): Ends => {
    const found = ends.get(id)
    if (!found) throw new Error('Cannot find the ends of this provider')
    return found
  }
  const worker = await createTestWorker(temporal, {
    activities: withFailures({
      ...createRosterActivities({
        db,
        openSource: async ({ id }) => await Promise.resolve(find(id).source),
        openTarget: async ({ id }) => await Promise.resolve(find(id).target),
      }),
      ...createApprovalActivities({
        db,
        effects: new Map([[rosterPlanApprovalType, createRosterPlanEffect(db)]]),
      }),
    }),
  })
  const tenant = 'spring-valley'
  const relay = async (): Promise<void> => {
    await db.query('update workflow_starts set next_attempt_at = now()')
    for (const queued of await claimDueStarts(db, { limit: 100, leaseSeconds: 20 })) {
      await handOverStart(temporal.client, { ...queued, taskQueue: worker.taskQueue })
      await deleteStart(db, queued.id)
    }
  }
  const getRun = async (runId: string): Promise<RosterRun> => {
    const run = await findRosterRun(db, runId)
    if (!run) throw new Error('Cannot find the run')
    return run
  }
  const waitForEnd = async (runId: string): Promise<RosterRun> => {
    await waitUntil('the run ends', async () => {
      const { rows } = await db.query<{ state: string; isQueued: boolean }>(
        `select state, exists (select from workflow_starts) as "isQueued"
         from roster_runs where id = $1`,
        [runId],
      )
      if (rows[0]?.isQueued === true) await relay()
      return ENDED.has(rows[0]?.state ?? '')
    })
    return await getRun(runId)
  }
  const start = async (providerId: string, change: RunChange = {}): Promise<string> => {
    const request = {
      providerId,
      mode: 'full',
      trigger: 'manual',
      startedBy: 'operator',
      requestId: 'r-1',
      now: new Date(),
      ...change,
    } as const
    const started = await withTransaction(db, async (tx) => await startRosterRun(tx, request))
    if (started.outcome !== 'started') throw new Error(`Cannot start: ${started.outcome}`)
    await relay()
    return started.run.id
  }
  return {
    database,
    temporal,
    worker,
    tenant,
    async addProvider(own, settings = {}) {
      const id = randomUUID()
      const body = providerSchema.parse(createProviderBody(settings))
      await insertRosterProvider(db, { id, tenant, settings: body })
      ends.set(id, own)
      return id
    },
    start,
    sync: async (providerId, change) => await waitForEnd(await start(providerId, change)),
    waitForEnd,
    getRun,
    relay,
    async vote(run, verdict) {
      await relay()
      await castTestVote(db, temporal, {
        approvalId: run.approvalId ?? '',
        actor: 'amy',
        verdict,
        subjectHash: run.planHash ?? '',
        claims: { scopes: ['roster:approve'], tenant },
      })
    },
    async close() {
      await worker.close()
      await temporal.close()
      await database.close()
    },
  }
}
