import type { Queryable } from './client.ts'

/** The jurisdictions of a compact that ever received an upload. */
export async function listUsedJurisdictions(db: Queryable, compact: string): Promise<string[]> {
  const { rows } = await db.query<{ jurisdiction: string }>(
    'select jurisdiction from upload_sequences where compact = $1::text order by jurisdiction',
    [compact],
  )
  return rows.map((row) => row.jurisdiction)
}
