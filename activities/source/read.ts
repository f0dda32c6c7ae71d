import { Context } from '@temporalio/activity'
import type { ProfileSource, SourceRow } from '../../core/source/source.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { insertSourceRows } from '../../db/source/rows.ts'
import {
  beginReading,
  endReading,
  findSourceStanding,
  type SourceRun,
} from '../../db/source/runs.ts'

/** Reads a run's source into the database; done again before it is compared, it begins afresh. */
export async function readRows(
  db: Database,
  { run, source }: { readonly run: SourceRun; readonly source: ProfileSource },
): Promise<{ readonly read: number }> {
  const { watermark } = await findSourceStanding(db, run.source)
  const since = run.mode === 'incremental' ? (watermark ?? undefined) : undefined
  const now = new Date()
  const begins = { since, at: now }
  if (!(await withTransaction(db, async (tx) => await beginReading(tx, run.id, begins)))) {
    return { read: run.read }
  }
  const { cancellationSignal: signal } = Context.current()
  const seen = new Set<string>()
  let read = 0
  const next = await source.read({
    since,
    now,
    signal,
    async onRows(batch) {
      const rows = batch.map((row) => withoutRepeat(row, seen))
      await insertSourceRows(db, run.id, { rows, offset: read })
      read += rows.length
    },
  })
  await endReading(db, run.id, { read, watermark: next })
  return { read }
}

// The first of two rows of one person counts.
function withoutRepeat(row: SourceRow, seen: Set<string>): SourceRow {
  if (row.key === undefined) return row
  if (seen.has(row.key)) return { key: row.key, fault: 'duplicate' }
  seen.add(row.key)
  return row
}
