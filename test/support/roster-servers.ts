import { pino } from 'pino'
import { createHttpClient, type HttpClient } from '../../connectors/http/client.ts'
import { createRosterSource, type RosterSourceOptions } from '../../connectors/roster/source.ts'
import type { RosterSourceSettings } from '../../connectors/roster/settings.ts'
import type { RosterCollection, RosterEntry, RosterFault } from '../../core/roster/record.ts'
import type { RosterMode, RosterPage, RosterSource } from '../../core/roster/source.ts'
import { createDistrict, type District, type DistrictKind } from '../../core/sample/district.ts'
import type { Intercept, StandInOutcome } from '../../cli/sample-district/server.ts'

/** Everything of a pull, in its order. */
export type Pulled = {
  readonly entries: readonly RosterEntry[]
  readonly faults: readonly RosterFault[]
  readonly pages: readonly RosterPage[]
}

/** A roster by collection and id: what entries come to when they are applied to nothing, in their order. */
export type RosterState = ReadonlyMap<string, unknown>

const STARTS_AT = '2026-08-01T00:00:00.000Z'

/** A client that may call loopback. */
export function createLoopbackClient(): HttpClient {
  return createHttpClient({ allowPrivateTargets: true, log: pino({ level: 'silent' }) })
}

/** The source of a stand-in's settings, with waits that tests have the time for. */
export function openSource(
  settings: RosterSourceSettings,
  options: Partial<RosterSourceOptions> & { readonly http: HttpClient },
): RosterSource {
  return createRosterSource(settings, { retryDelayMs: 1, ...options })
}

/** A district of a few dozen people unless said. */
export function createTestDistrict(
  kind: DistrictKind,
  options: { readonly users?: number; readonly seed?: number } = {},
): District {
  return createDistrict({ kind, users: 60, seed: 1, startsAt: STARTS_AT, ...options })
}

/** Reads all pages of all streams, each page with a source of its own where `open` makes one. */
export async function pull(
  open: RosterSource | (() => RosterSource),
  mode: RosterMode = 'full',
  since?: string,
): Promise<Pulled> {
  const get = typeof open === 'function' ? open : () => open
  const { signal } = new AbortController()
  const pages: RosterPage[] = []
  for (const stream of get().listStreams(mode)) {
    let cursor: string | undefined
    do {
      const request = { mode, stream, cursor, signal, ...(since !== undefined && { since }) }
      const page = await get().readPage(request)
      pages.push(page)
      cursor = page.next
    } while (cursor !== undefined)
  }
  return {
    entries: pages.flatMap((page) => page.entries),
    faults: pages.flatMap((page) => page.faults),
    pages,
  }
}

/** What these entries leave of a roster. */
export function applyEntries(before: RosterState, entries: readonly RosterEntry[]): RosterState {
  const state = new Map(before)
  for (const entry of entries) {
    if (entry.op === 'put') state.set(`${entry.collection} ${entry.record.id}`, entry.record)
    else if (entry.op === 'remove') state.delete(`${entry.collection} ${entry.id}`)
    else clearEnrollments(state, entry.sectionId)
  }
  return state
}

/** The records of one collection. */
export function listState(state: RosterState, collection: RosterCollection): unknown[] {
  return [...state].flatMap(([key, record]) => (key.startsWith(`${collection} `) ? [record] : []))
}

/** Answers the next requests whose path ends so, one after the other, and lets all others through. */
export function misbehave(path: string, outcomes: readonly StandInOutcome[]): Intercept {
  const left = [...outcomes]
  return (request) => (request.path.endsWith(path) ? left.shift() : undefined)
}

function clearEnrollments(state: Map<string, unknown>, sectionId: string): void {
  for (const [key, record] of state) {
    if (!key.startsWith('enrollments ')) continue
    const enrollment = record as { readonly sectionId: string } // as it was put
    if (enrollment.sectionId === sectionId) state.delete(key)
  }
}
