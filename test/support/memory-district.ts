import type { ScimTarget } from '../../core/roster/target.ts'
import { rosterSyncWorkflowType, rosterWorkflowId } from '../../core/roster/workflow.ts'
import type { Database } from '../../db/client.ts'
import { readChangeSet } from '../../db/roster/changes.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { keepHistory } from './history.ts'
import { MemorySource, MemoryTarget } from './memory-roster.ts'
import type { Put } from './roster-records.ts'
import { startRosterSite, type RosterSite, type RunChange } from './roster-site.ts'

export type MemoryDistrict = {
  readonly site: RosterSite
  readonly db: Database
  readonly source: MemorySource
  readonly target: MemoryTarget
  /** The id of the provider that brings what the source holds to the target. */
  readonly provider: string
  /** Starts a run of the provider and answers its id. */
  readonly start: (run?: RunChange) => Promise<string>
  /** Starts a run of the provider and answers it once it has ended or is held. */
  readonly sync: (run?: RunChange) => Promise<RosterRun>
  /** The lines of a run's change set. */
  readonly listChanges: (run: RosterRun) => Promise<string>
  /** Keeps the history of a run's workflow for replay; a held run goes on in another one. */
  readonly keepHistory: (
    run: RosterRun,
    branch: string,
    from?: 'pulling' | 'applying',
  ) => Promise<void>
  /** Puts a provider with these settings, and with this target, in place of the test's. */
  readonly reconnect: (settings: object, target?: ScimTarget) => Promise<void>
}

export type MemoryDistrictOptions = {
  /** What the source holds when a test begins. */
  readonly records: readonly Put[]
  /** Of the provider. */
  readonly settings?: object
  /** Leaves payloads readable, for histories that are kept. */
  readonly plain?: boolean
}

/**
 * Gives a test file a site, and each of its tests a school system, an empty target and a provider
 * between them. What it answers has the running test's own.
 */
export function setUpDistrict(options: MemoryDistrictOptions): MemoryDistrict {
  const { records, settings = {}, plain = false } = options
  let site: RosterSite
  let source: MemorySource
  let target: MemoryTarget
  let provider: string
  beforeAll(async () => {
    site = await startRosterSite({ plain })
  })
  beforeEach(async () => {
    source = new MemorySource()
    target = new MemoryTarget()
    provider = await site.addProvider({ source, target }, settings)
    source.put(...records)
  })
  afterAll(async () => {
    await site.close()
  })
  return {
    get site() {
      return site
    },
    get db() {
      return site.database.db
    },
    get source() {
      return source
    },
    get target() {
      return target
    },
    get provider() {
      return provider
    },
    start: async (run) => await site.start(provider, run),
    sync: async (run) => await site.sync(provider, run),
    async listChanges(run) {
      let text = ''
      for await (const lines of readChangeSet(site.database.db, run.id)) text += lines
      return text
    },
    async keepHistory(run, branch, from = 'pulling') {
      const workflowId = rosterWorkflowId(run.id, from)
      await keepHistory(site.temporal, { workflowId, workflowType: rosterSyncWorkflowType, branch })
    },
    async reconnect(other, otherTarget = target) {
      provider = await site.addProvider({ source, target: otherTarget }, other)
    },
  }
}
