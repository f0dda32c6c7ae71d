import { createDatabase } from '../../db/client.ts'
import { listUsedJurisdictions } from '../../db/used-jurisdictions.ts'
import { AppError } from '../../core/errors.ts'
import type { Compact, Compacts } from '../../core/license/compacts.ts'

/** The board whose part the demo plays. */
export type DemoBoard = { readonly compact: Compact; readonly jurisdiction: string }

/**
 * A board that never uploaded anything: so every run of the demo has the same outcome, and none
 * touches what is there. Throws `no_free_board` when all have.
 */
export async function chooseBoard(compacts: Compacts, databaseUrl: string): Promise<DemoBoard> {
  const db = createDatabase({ connectionString: databaseUrl, applicationName: 'demo' })
  try {
    for (const compact of compacts) {
      const used = await listUsedJurisdictions(db, compact.abbreviation)
      const jurisdiction = compact.members.find((member) => !used.includes(member))
      if (jurisdiction !== undefined) return { compact, jurisdiction }
    }
  } finally {
    await db.end()
  }
  throw new AppError(
    'no_free_board',
    'Cannot choose a board for the demo: every jurisdiction has uploads already; run it with another --data-dir',
    { status: 500, expose: true },
  )
}
