import { AppError, isAppError } from '../../core/errors.ts'
import { findPause } from '../../core/roster/pause.ts'
import { mapPerson, type MappedPerson } from '../../core/roster/person.ts'
import type { RosterEntry, RosterUser } from '../../core/roster/record.ts'
import { toRosterRules } from '../../core/roster/rules.ts'
import { noTypeCounts, rosterTypes, type RosterCounts } from '../../core/roster/run.ts'
import type { RosterMode, RosterPage, RosterSource } from '../../core/roster/source.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import { cutPage, noteKnownBlocks, stageBlocks } from '../../db/roster/blocks.ts'
import { encodeEntries, type EncodedEntries, type StagedRow } from '../../db/roster/copy-text.ts'
import {
  beginPull,
  findPullStanding,
  notePulled,
  setPausedUntil,
} from '../../db/roster/run-states.ts'
import { leaveOutKnown } from '../../db/roster/known.ts'
import { lockRosterProvider, type RosterProvider } from '../../db/roster/providers.ts'
import { lockRosterRun, type RosterRun } from '../../db/roster/runs.ts'
import { prepareLookups } from '../../db/roster/sets.ts'
import {
  copyStaged,
  createRosterStaging,
  dropRosterStaging,
  insertRosterErrors,
} from '../../db/roster/staging.ts'
import {
  clearRosterStreams,
  listRosterStreams,
  noteStreamPage,
  type RosterStreamState,
} from '../../db/roster/streams.ts'
import { findDeadline, getRunParts, type RosterDeps, type RunParts } from './roster-deps.ts'

/** What a part of the work came to: there is more of it, it is done, or it waits for a pause to end. */
export type Slice =
  { readonly state: 'more' | 'done' } | { readonly state: 'paused'; readonly untilMs: number }

type Pulling = RunParts & {
  readonly db: Database
  readonly source: RosterSource
  readonly signal: AbortSignal
  readonly release: string | undefined
}

const DAY_MS = 86_400_000
const FULL_EVERY_MS = { clever: 7 * DAY_MS, classlink: DAY_MS, oneroster: 7 * DAY_MS } as const
// So that a run every night is not a few minutes too early.
const FULL_SLACK_MS = 3_600_000
const MAX_PULLS = 3
// No page has as many entries.
const ENTRIES_PER_PAGE = 10_000_000

/** Reads on where the run's pull stands, page by page, until all is staged or the time is up. */
export async function pullPages(
  deps: RosterDeps,
  runId: string,
  signal: AbortSignal,
): Promise<Slice> {
  const { db, release } = deps
  const deadline = findDeadline(deps)
  let parts = await getRunParts(db, runId)
  if (parts.run.state !== 'queued' && parts.run.state !== 'pulling') return { state: 'done' }
  const source = await deps.openSource(parts.provider, parts.run)
  try {
    if (parts.run.state === 'queued') {
      const mode = findMode(parts, new Date())
      parts = await begin({ ...parts, db, source, signal, release }, mode)
    }
    while (Date.now() < deadline) {
      const untilMs = await findPauseEnd(db, parts)
      if (untilMs !== undefined) return { state: 'paused', untilMs }
      const step = await pullPage({ ...parts, db, source, signal, release })
      if (step === 'done') return { state: 'done' }
      parts = await getRunParts(db, runId)
    }
    return { state: 'more' }
  } finally {
    source.close()
  }
}

/**
 * The end of the pause that the run is to wait for; undefined where it may go on. Whoever changes the
 * pauses meanwhile is heard: their settings are seen here, or they see that the run waits.
 */
export async function findPauseEnd(
  db: Database,
  { run, provider }: RunParts,
): Promise<number | undefined> {
  if (run.isForced) return undefined
  if (!findPauseOf(provider)) return undefined
  return await withTransaction(db, async (tx) => {
    const locked = await lockRosterProvider(tx, provider.id)
    const pause = locked && findPauseOf(locked)
    if (!pause) return undefined
    await setPausedUntil(tx, run.id, pause.until)
    return pause.until.getTime()
  })
}

function findPauseOf({ settings }: RosterProvider): { readonly until: Date } | undefined {
  return findPause(settings.pauses, settings.timeZone, new Date())
}

// What has changed since then is not enough where the rules changed, or too long ago.
function findMode({ run, provider }: RunParts, now: Date): RosterMode {
  const { cursor, fullAt, fullVersion, rosterVersion, kind } = provider
  if (run.mode === 'full' || run.uploadId !== null) return run.mode
  if (cursor === null || fullAt === null) return 'full'
  if (fullVersion === null || fullVersion < rosterVersion) return 'full'
  const age = now.getTime() - fullAt.getTime()
  return age > FULL_EVERY_MS[kind] - FULL_SLACK_MS ? 'full' : 'incremental'
}

// The baseline first: what changes while it is read is read again by the next run.
async function begin(pulling: Pulling, mode: RosterMode): Promise<RunParts> {
  const { db, run, provider, source, signal, release } = pulling
  const found = await source.readBaseline(signal)
  const since = mode === 'incremental' ? (provider.cursor ?? undefined) : undefined
  await withTransaction(db, async (tx) => {
    const locked = await lockRosterRun(tx, run.id)
    if (locked?.state !== 'queued' && locked?.state !== 'pulling') return
    await dropRosterStaging(tx, run.id)
    await createRosterStaging(tx, run.id)
    await clearRosterStreams(tx, run.id)
    await tx.query('delete from roster_errors where run_id = $1::uuid', [run.id])
    await beginPull(tx, run.id, {
      mode,
      since,
      baseline: found ?? since,
      providerVersion: provider.version,
      release,
    })
  })
  return await getRunParts(db, run.id)
}

async function pullPage(pulling: Pulling): Promise<'read' | 'done' | 'begun-anew'> {
  const { db, run, source, signal } = pulling
  const read = new Map((await listRosterStreams(db, run.id)).map((state) => [state.stream, state]))
  const stream = source.listStreams(run.mode).find((name) => read.get(name)?.isDone !== true)
  if (stream === undefined) return 'done'
  const cursor = read.get(stream)?.cursor ?? undefined
  const since = run.since ?? undefined
  const pull = { mode: run.mode, ...(since !== undefined && { since }) }
  let page: RosterPage
  try {
    page = await source.readPage({ ...pull, stream, cursor, signal })
  } catch (error) {
    if (!isAppError(error, 'cursor_expired') || run.mode === 'full') throw error
    await begin(pulling, 'full')
    return 'begun-anew'
  }
  if (isOtherRevision(page, [...read.values()])) {
    await beginAnew(pulling)
    return 'begun-anew'
  }
  await withTransaction(db, async (tx) => {
    await stagePage(tx, { ...pulling, stream, cursor, page })
  })
  return 'read'
}

function isOtherRevision({ revision }: RosterPage, read: readonly RosterStreamState[]): boolean {
  if (revision === undefined) return false
  return read.some((state) => state.revision !== null && state.revision !== revision)
}

async function beginAnew(pulling: Pulling): Promise<void> {
  const { pulls } = await findPullStanding(pulling.db, pulling.run.id)
  if (pulls >= MAX_PULLS) {
    throw new AppError(
      'source_changed',
      `Cannot read the source: what may be read of it changed during ${MAX_PULLS} pulls`,
      { status: 409 },
    )
  }
  await begin(pulling, pulling.run.mode)
}

type Staging = Pulling & {
  readonly stream: string
  readonly cursor: string | undefined
  readonly page: RosterPage
}

async function stagePage(tx: Transaction, staging: Staging): Promise<void> {
  const { run, stream, cursor, page } = staging
  const locked = await lockRosterRun(tx, run.id)
  const state = (await listRosterStreams(tx, run.id)).find((one) => one.stream === stream)
  // Another attempt has come further, or the run has ended meanwhile.
  if (locked?.state !== 'pulling' || (state?.cursor ?? undefined) !== cursor || state?.isDone)
    return
  const { rows, unreadable } = await encodePage(tx, staging, locked)
  await copyStaged(tx, run.id, rows)
  await insertRosterErrors(tx, run.id, [
    ...page.faults,
    ...unreadable.map(({ entity, id }) => ({
      entity,
      id,
      code: 'unreadable_text',
      message: 'The record holds characters that are none',
    })),
  ])
  await noteStreamPage(tx, run.id, {
    stream,
    cursor: page.next ?? null,
    received: page.entries.length + page.faults.length,
    total: page.total,
    revision: page.revision,
    isDone: page.next === undefined,
  })
  const counts = addFetched(locked, page.entries)
  await notePulled(tx, run.id, { counts, warnings: page.warnings })
}

// What is to be staged of a page: all of it, or what is not known from the last full run: first by
// blocks, then by records. Blocks are encoded while the database looks up the ones before.
async function encodePage(
  tx: Transaction,
  { run, provider, page }: Staging,
  { mode, pages }: RosterRun,
): Promise<EncodedEntries> {
  const rules = toRosterRules(provider)
  const isKnown = mode === 'full' && provider.fullAt !== null
  if (isKnown) await prepareLookups(tx)
  const place = { runId: run.id, providerId: provider.id }
  const blocks = cutPage(page.entries, pages * ENTRIES_PER_PAGE)
  const known = isKnown ? await noteKnownBlocks(tx, place, blocks) : new Set()
  const others = blocks.filter(({ digest }) => !known.has(digest))
  const encoded: EncodedEntries = { rows: [], unreadable: [] }
  let news: readonly StagedRow[] | Promise<readonly StagedRow[]> = []
  for (const { entries, sequence } of others) {
    const map = (user: RosterUser): MappedPerson => mapPerson(user, rules)
    const { rows, unreadable } = encodeEntries(entries, { sequence, map })
    encoded.unreadable.push(...unreadable)
    encoded.rows.push(...(await news))
    news = isKnown ? leaveOutKnown(tx, { ...place, sequence: sequence + 1 }, rows) : rows
  }
  encoded.rows.push(...(await news))
  if (mode === 'full') await stageBlocks(tx, run.id, others)
  return encoded
}

function addFetched({ counts }: RosterRun, entries: readonly RosterEntry[]): RosterCounts {
  const fetched = new Map<string, number>()
  for (const entry of entries) {
    if (entry.op === 'clear-enrollments') continue
    fetched.set(entry.collection, (fetched.get(entry.collection) ?? 0) + 1)
  }
  return Object.fromEntries(
    rosterTypes.map((type) => {
      const before = counts[type] ?? noTypeCounts
      return [type, { ...before, fetched: before.fetched + (fetched.get(type) ?? 0) }]
    }),
  )
}
