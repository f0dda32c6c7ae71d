import { AppError } from '../../core/errors.ts'
import type { RosterSource } from '../../core/roster/source.ts'
import type { ScimTarget } from '../../core/roster/target.ts'
import type { Database, Queryable } from '../../db/client.ts'
import { findAnyRosterProvider, type RosterProvider } from '../../db/roster/providers.ts'
import { findRosterRun, type RosterRun } from '../../db/roster/runs.ts'

export type RosterDeps = {
  readonly db: Database
  /** Opens what a run reads, with the secrets as they are now. */
  readonly openSource: (provider: RosterProvider, run: RosterRun) => Promise<RosterSource>
  /** Opens where it writes to; what answers is closed by whoever opened it, after the run or the like. */
  readonly openTarget: (provider: RosterProvider, run: Pick<RosterRun, 'id'>) => Promise<ScimTarget>
  /** How long an activity works before it tells its run how far it is; 45 s unless said. */
  readonly sliceMs?: number
  /** Of the product: what another one left settled is worked out anew. */
  readonly release?: string
}

export type RunRef = { readonly runId: string }

export type RunParts = { readonly run: RosterRun; readonly provider: RosterProvider }

const SLICE_MS = 45_000

/** When this activity is to have told its run how far it is. */
export function findDeadline({ sliceMs = SLICE_MS }: RosterDeps): number {
  return Date.now() + sliceMs
}

/** A run and its provider; throws `unknown_run` (422) where they are gone. */
export async function getRunParts(db: Queryable, runId: string): Promise<RunParts> {
  const run = await findRosterRun(db, runId)
  const provider = run && (await findAnyRosterProvider(db, run.providerId))
  if (!run || !provider) {
    throw new AppError('unknown_run', `Cannot go on with run "${runId}": it is gone`, {
      status: 422,
    })
  }
  if (provider.removedAt !== null) {
    throw new AppError('provider_removed', 'Cannot go on: the provider was removed', {
      status: 422,
    })
  }
  return { run, provider }
}
