import { randomUUID } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import { withTransaction, type Database } from '../db/client.ts'
import type { IntakeDeps } from '../db/profile/intake.ts'
import { bookItems, bookPeople } from '../db/source/items.ts'
import {
  endSourceRun,
  findSourceRun,
  findSourceStanding,
  insertSourceRun,
  type SourceRun,
  type SourceRunMode,
  type SourceRunState,
} from '../db/source/runs.ts'
import { appendAudit } from '../db/audit.ts'
import type { ProfileSource } from '../core/source/source.ts'
import { currentCause } from './context.ts'
import { withHeartbeat } from './heartbeat.ts'
import { compareRows } from './source/compare.ts'
import { postItems } from './source/post.ts'
import { readRows } from './source/read.ts'

export type SourceDeps = {
  readonly db: Database
  readonly sources: ReadonlyMap<string, ProfileSource>
  /** What the intake works with now: keys and sinks. */
  readonly intake: () => Promise<IntakeDeps>
}

type RunRef = { readonly runId: string }

export type SourceCounts = Readonly<
  Record<'read' | 'created' | 'updated' | 'deactivated' | 'unchanged' | 'failed', number>
>

export type SourceActivities = {
  /** Adds the run of a schedule; none while another one of the source is under way. */
  readonly openSourceRun: (input: { readonly source: string }) => Promise<Partial<RunRef>>
  /** Reads the source whole, or what has changed in it. */
  readonly readSource: (input: RunRef) => Promise<{ readonly read: number }>
  /** Compares what was read with the vault, and asks the guard. */
  readonly compareSource: (
    input: RunRef,
  ) => Promise<{ readonly state: SourceRunState; readonly counts: SourceCounts }>
  /** Posts the next changes. */
  readonly postSourceItems: (
    input: RunRef,
  ) => Promise<{ readonly pending: number; readonly counts: SourceCounts }>
  /** Closes the books of a run that has posted everything. */
  readonly closeSourceRun: (
    input: RunRef,
  ) => Promise<{ readonly state: SourceRunState; readonly counts: SourceCounts }>
  /** Ends a run that cannot go on. */
  readonly failSourceRun: (input: RunRef & { readonly code: string }) => Promise<void>
}

const FULL_EVERY_MS = 86_400_000

/** The activities of publishers' pulls; only ids, codes and counts come out of them. */
export function createSourceActivities(deps: SourceDeps): SourceActivities {
  const { db } = deps
  return {
    openSourceRun: async ({ source }) => await openRun(deps, source),
    readSource: async ({ runId }) =>
      await withHeartbeat(async () => {
        const run = await getRun(db, runId)
        await assertSigner(deps, run)
        return await readRows(db, { run, source: getSource(deps, run.source) })
      }),
    compareSource: async ({ runId }) =>
      await withHeartbeat(async () => {
        const { source } = await getRun(db, runId)
        await compareRows(db, { runId, source: getSource(deps, source) })
        const { approvalId, state, ...run } = await getRun(db, runId)
        // Whatever the vote came to meanwhile: another workflow goes on with what was held.
        return { state: approvalId === null ? state : 'held', counts: countsOf(run) }
      }),
    postSourceItems: async ({ runId }) =>
      await withHeartbeat(async () => {
        const run = await getRun(db, runId)
        await assertSigner(deps, run)
        await postItems(deps, run)
        const { pending } = await withTransaction(db, async (tx) => await bookItems(tx, runId))
        return { pending, counts: countsOf(await getRun(db, runId)) }
      }),
    closeSourceRun: async ({ runId }) => await closeRun(db, runId),
    failSourceRun: async ({ runId, code }) =>
      await withTransaction(db, async (tx) => {
        await endSourceRun(tx, runId, { state: 'failed', code })
      }),
  }
}

/** The source of a run; throws `unknown_source` (422) where this worker does not have it. */
export function getSource({ sources }: Pick<SourceDeps, 'sources'>, name: string): ProfileSource {
  const source = sources.get(name)
  if (source) return source
  throw new AppError(
    'unknown_source',
    `Cannot pull from "${name}": SOURCES_FILE of this worker does not have it`,
    { status: 422 },
  )
}

async function openRun(deps: SourceDeps, name: string): Promise<Partial<RunRef>> {
  const source = getSource(deps, name)
  const standing = await findSourceStanding(deps.db, name)
  const mode: SourceRunMode =
    standing.watermark === null || isOld(standing.fullAt) ? 'full' : 'incremental'
  const id = randomUUID()
  const { requestId = id, workflowId } = currentCause()
  const { publisher } = source
  const run = { id, source: name, publisher, mode, dryRun: false, startedBy: 'schedule', requestId }
  const added = await insertSourceRun(deps.db, { ...run, workflowId })
  return added ? { runId: id } : {}
}

function isOld(at: Date | null): boolean {
  return at === null || Date.now() - at.getTime() >= FULL_EVERY_MS
}

async function getRun(db: Database, runId: string): Promise<SourceRun> {
  const run = await findSourceRun(db, runId)
  if (run) return run
  throw new AppError('unknown_run', `Cannot go on with run "${runId}": it is gone`, { status: 422 })
}

// Before the source is asked, and before anything is posted.
async function assertSigner(deps: SourceDeps, { source, publisher }: SourceRun): Promise<void> {
  const { publishers } = await deps.intake()
  if (publishers.findSigner(getSource(deps, source).publisher, new Date())) return
  throw new AppError(
    'no_signing_key',
    `Cannot publish for "${publisher}": PUBLISHERS_FILE has no private key of it that counts now`,
    { status: 422 },
  )
}

async function closeRun(
  db: Database,
  runId: string,
): ReturnType<SourceActivities['closeSourceRun']> {
  await withTransaction(db, async (tx) => {
    const { failed } = await bookItems(tx, runId)
    const run = await findSourceRun(tx, runId)
    if (run?.state !== 'posting') return
    await bookPeople(tx, run)
    await endSourceRun(tx, runId, { state: failed === 0 ? 'succeeded' : 'partial' })
    const { created, updated, deactivated } = countsOf(run)
    await appendAudit(tx, [
      {
        actor: run.startedBy,
        action: 'source.pulled',
        subject: { type: 'source-run', id: runId },
        cause: {
          requestId: run.requestId,
          source: run.source,
          created,
          updated,
          deactivated,
          failed,
          ...(run.approvalId !== null && { approvalId: run.approvalId }),
        },
      },
    ])
  })
  return await readOutcome(db, runId)
}

async function readOutcome(
  db: Database,
  runId: string,
): Promise<{ readonly state: SourceRunState; readonly counts: SourceCounts }> {
  const run = await getRun(db, runId)
  return { state: run.state, counts: countsOf(run) }
}

function countsOf(run: SourceCounts): SourceCounts {
  const { read, created, updated, deactivated, unchanged, failed } = run
  return { read, created, updated, deactivated, unchanged, failed }
}
