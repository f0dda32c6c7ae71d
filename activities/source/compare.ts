import { createHash, type Hash } from 'node:crypto'
import { judgeRun, type Hold } from '../../core/source/guard.ts'
import { leaving, planChange } from '../../core/source/plan.ts'
import type { ProfileSource } from '../../core/source/source.ts'
import { openApproval, supersedeApproval } from '../../db/approval/open.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import {
  clearItems,
  findMatches,
  forgetPendingItems,
  insertFailures,
  insertItems,
  insertSeen,
  type Match,
  type SourceFailure,
  type SourceItem,
} from '../../db/source/items.ts'
import { findLeavers, listSourceRows, type StoredSourceRow } from '../../db/source/rows.ts'
import {
  endComparing,
  endSourceRun,
  findSourceStanding,
  leaveHold,
  listHeldRuns,
  lockSourceRun,
  setSourceRunApproval,
  type HeldRun,
  type SourceRun,
} from '../../db/source/runs.ts'

type Comparing = { readonly run: SourceRun; readonly source: ProfileSource }

type Books = {
  items: number
  created: number
  updated: number
  unchanged: number
  failed: number
  unreadable: number
  readonly hash: Hash
}

// A profile is some 30 kB: a page is some megabytes.
const PAGE_SIZE = 200

/** What an approval of a held run is about. */
export const runApprovalType = 'profile-publisher-run'

/**
 * Works out what a run would do, and writes it down: the run goes on to post it, waits for a decision
 * on exactly that, or, as a dry run, ends. Nothing is left of an attempt that did not come to its end.
 */
export async function compareRows(
  db: Database,
  { runId, source }: { readonly runId: string; readonly source: ProfileSource },
): Promise<void> {
  await withTransaction(db, async (tx) => {
    const run = await lockSourceRun(tx, runId)
    if (run?.state !== 'comparing') return
    const comparing = { run, source }
    await clearItems(tx, run.id)
    const books: Books = {
      items: 0,
      created: 0,
      updated: 0,
      unchanged: 0,
      failed: 0,
      unreadable: 0,
      hash: createHash('sha256'),
    }
    for (let after = 0; ;) {
      const rows = await listSourceRows(tx, run.id, { after, limit: PAGE_SIZE })
      const last = rows.at(-1)
      if (!last) break
      after = last.record
      await comparePage(tx, { ...comparing, rows, books })
    }
    const { leavers, hold } = await findLeaversOf(tx, { ...comparing, books })
    await endWith(tx, { run, books, hold, leavers: leavers.length })
  })
}

async function comparePage(
  tx: Transaction,
  page: Comparing & { readonly rows: readonly StoredSourceRow[]; readonly books: Books },
): Promise<void> {
  const { run, source, rows, books } = page
  const keys = rows.flatMap(({ key }) => (key === undefined ? [] : [key]))
  const matches = groupByKey(await findMatches(tx, keys, source.matchesBy))
  const items: SourceItem[] = []
  const failures: SourceFailure[] = []
  const seen: string[] = []
  for (const row of rows) {
    const found = row.key === undefined ? [] : (matches.get(row.key) ?? [])
    seen.push(...found.map(({ userId }) => userId))
    const outcome = judgeRow(row, { found, source })
    if (outcome === undefined) books.unchanged += 1
    else if ('code' in outcome) {
      failures.push({ record: row.record, key: row.key ?? null, code: outcome.code })
      books.failed += 1
      if (row.key === undefined) books.unreadable += 1
    } else {
      items.push(addItem(books, outcome))
      if (outcome.condition === 'create') seen.push(outcome.userId)
    }
  }
  await insertItems(tx, run.id, items)
  await insertFailures(tx, run.id, failures)
  await insertSeen(tx, run.id, seen)
}

function judgeRow(
  row: StoredSourceRow,
  { found, source }: { readonly found: readonly Match[]; readonly source: ProfileSource },
): Omit<SourceItem, 'item'> | { readonly code: string } | undefined {
  const { key, record, contents, fault } = row
  if (fault !== undefined || key === undefined) return { code: fault ?? 'no_key' }
  if (!contents) return undefined
  const [match, other] = found
  // Two persons with one e-mail: nobody can tell whom the source means.
  if (other) return { code: 'ambiguous_person' }
  if (!match && !source.creates) return { code: 'unknown_person' }
  const { publisher } = source
  const { document: stored, inactiveBy } = match ?? {}
  const change = planChange({ contents, stored, publisher, inactiveBy })
  return change && { ...change, record, key, userId: match?.userId ?? key }
}

function addItem(books: Books, change: Omit<SourceItem, 'item'>): SourceItem {
  books.items += 1
  if (change.condition === 'create') books.created += 1
  if (change.condition === 'update') books.updated += 1
  const { condition, userId, contents } = change
  books.hash.update(`${JSON.stringify([condition, userId, contents])}\n`)
  return { ...change, item: books.items }
}

// Whoever an incremental read does not have is still there.
async function findLeaversOf(
  tx: Transaction,
  { run, source, books }: Comparing & { readonly books: Books },
): Promise<{ readonly leavers: readonly string[]; readonly hold: Hold | undefined }> {
  if (run.mode !== 'full') return { leavers: [], hold: undefined }
  const { matchesBy } = source
  const { known, leavers } = await findLeavers(tx, { id: run.id, source: run.source, matchesBy })
  const items = leavers.map((userId) => addItem(books, { ...leaving, key: userId, userId }))
  for (let start = 0; start < items.length; start += PAGE_SIZE) {
    await insertItems(tx, run.id, items.slice(start, start + PAGE_SIZE))
  }
  const { fullRead } = await findSourceStanding(tx, run.source)
  const shape = {
    read: run.read,
    unreadable: books.unreadable,
    readBefore: fullRead ?? 0,
    known,
    leavers: leavers.length,
  }
  return { leavers, hold: judgeRun(shape, source.guard) }
}

type Ending = {
  readonly run: SourceRun
  readonly books: Books
  readonly hold: Hold | undefined
  readonly leavers: number
}

async function endWith(tx: Transaction, { run, books, hold, leavers }: Ending): Promise<void> {
  const { created, updated, unchanged, failed } = books
  const planHash = books.hash.digest('hex')
  const counts = { created, updated, deactivated: leavers, unchanged, failed }
  const waits = hold && !run.dryRun
  const next = waits ? 'held' : run.dryRun ? 'comparing' : 'posting'
  await endComparing(tx, run.id, { ...counts, hold, planHash, next })
  if (run.dryRun) await endSourceRun(tx, run.id, { state: failed === 0 ? 'succeeded' : 'partial' })
  if (waits) await askForDecision(tx, { run, hold, planHash, counts })
}

type Question = {
  readonly run: SourceRun
  readonly hold: Hold
  readonly planHash: string
  readonly counts: Readonly<Record<string, number>>
}

async function askForDecision(
  tx: Transaction,
  { run, hold, planHash, counts }: Question,
): Promise<void> {
  const { id, source, requestId } = run
  const others = (await listHeldRuns(tx, source)).filter((held) => held.id !== id)
  const isAsked = others.some((held) => held.planHash === planHash)
  if (isAsked && run.startedBy === 'schedule') {
    await leaveHold(tx, id, 'discarded')
    await forgetPendingItems(tx, id)
    return
  }
  await replaceOlder(tx, run, others)
  const { approvalId } = await openApproval(tx, {
    type: runApprovalType,
    subject: { type: runApprovalType, id, hash: planHash },
    summary: { source, mode: run.mode, reason: hold.reason, ...counts, ...shapeOf(hold) },
    ...(run.startedBy !== 'schedule' && { requester: run.startedBy }),
    requestId,
  })
  await setSourceRunApproval(tx, id, approvalId)
}

function shapeOf({ read, readBefore, known, limit }: Hold): Readonly<Record<string, number>> {
  return { read, readBefore, known, limit }
}

// One question about a source at a time: what the source said last counts.
async function replaceOlder(
  tx: Transaction,
  { requestId }: SourceRun,
  others: readonly HeldRun[],
): Promise<void> {
  for (const older of others) {
    await leaveHold(tx, older.id, 'discarded')
    await forgetPendingItems(tx, older.id)
    const subject = { type: runApprovalType, id: older.id }
    await supersedeApproval(tx, { type: runApprovalType, subject, requestId })
  }
}

function groupByKey(matches: readonly Match[]): Map<string, Match[]> {
  const groups = new Map<string, Match[]>()
  for (const match of matches) {
    const group = groups.get(match.key)
    if (group) group.push(match)
    else groups.set(match.key, [match])
  }
  return groups
}
