import type { Queryable } from '../client.ts'

/** How far one stream of a run's pull has come. */
export type RosterStreamState = {
  readonly stream: string
  readonly cursor: string | null
  readonly pages: number
  readonly received: number
  readonly total: number | null
  readonly revision: string | null
  readonly isDone: boolean
}

export type ReadStreamPage = Pick<RosterStreamState, 'stream' | 'cursor' | 'isDone'> & {
  readonly received: number
  readonly total: number | undefined
  readonly revision: string | undefined
}

/** The streams of which something was read. */
export async function listRosterStreams(
  db: Queryable,
  runId: string,
): Promise<RosterStreamState[]> {
  const { rows } = await db.query<RosterStreamState>(
    `select stream, cursor, pages, received, total, revision, is_done as "isDone"
     from roster_streams where run_id = $1::uuid`,
    [runId],
  )
  return rows
}

/** Notes a page in the transaction that stages it. */
export async function noteStreamPage(
  tx: Queryable,
  runId: string,
  page: ReadStreamPage,
): Promise<void> {
  await tx.query(
    `insert into roster_streams (run_id, stream, cursor, pages, received, total, revision, is_done)
     values ($1::uuid, $2::text, $3::text, 1, $4::bigint, $5::bigint, $6::text, $7::boolean)
     on conflict (run_id, stream) do update
     set cursor = excluded.cursor, pages = roster_streams.pages + 1,
       received = roster_streams.received + excluded.received,
       total = coalesce(excluded.total, roster_streams.total),
       revision = coalesce(excluded.revision, roster_streams.revision),
       is_done = excluded.is_done`,
    [
      runId,
      page.stream,
      page.cursor,
      page.received,
      page.total ?? null,
      page.revision ?? null,
      page.isDone,
    ],
  )
}

/** Forgets how far a pull has come, so that it begins afresh. */
export async function clearRosterStreams(tx: Queryable, runId: string): Promise<void> {
  await tx.query('delete from roster_streams where run_id = $1::uuid', [runId])
}
