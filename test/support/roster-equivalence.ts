import { startCleverStandIn } from '../../cli/sample-district/clever.ts'
import { startOneRosterStandIn } from '../../cli/sample-district/oneroster.ts'
import type { DistrictServer } from '../../cli/sample-district/server.ts'
import { startDemoScim, type DemoScim } from '../../cli/demo/stand-ins/scim.ts'
import { createDistrict, type DistrictKind } from '../../core/sample/district.ts'
import { drawMutations } from '../../core/sample/district-mutations.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { createLoopbackClient, openSource } from './roster-servers.ts'
import type { RosterSite } from './roster-site.ts'
import { TestTarget } from './scim.ts'

/** What a target holds of a roster: who is active, and the groups with their members, by externalId. */
export type TargetRoster = {
  readonly people: Readonly<Record<string, object>>
  readonly groups: Readonly<Record<string, object>>
}

export type Equivalence = {
  readonly incremental: TargetRoster
  readonly full: TargetRoster
  /** Each run that read what had happened. */
  readonly runs: readonly RosterRun[]
  /** A full run after all of them. */
  readonly last: RosterRun
}

/** Settings of a guard that lets everything through. */
export const openGuard = {
  deactivations: { atLeast: 1_000_000, percent: 100 },
  updates: { percent: 100 },
  shrunk: { percent: 100 },
  rekeyed: false,
}

// A made-up district's server of one kind, whose records are older than any baseline.
async function startDistrict(
  kind: DistrictKind,
  options: { readonly seed: number; readonly users: number },
): Promise<DistrictServer> {
  const district = createDistrict({ kind, startsAt: '2026-08-01T00:00:00.000Z', ...options })
  if (kind === 'clever') return await startCleverStandIn({ district })
  return await startOneRosterStandIn({ district, version: '1.1' })
}

/** Lets things happen in a district, reads them one after the other, and all at once elsewhere. */
export async function compareWithFull(
  site: RosterSite,
  {
    kind,
    seed,
    steps = 4,
    users = 40,
  }: {
    readonly kind: DistrictKind
    readonly seed: number
    readonly steps?: number
    readonly users?: number
  },
): Promise<Equivalence> {
  const http = createLoopbackClient()
  const server = await startDistrict(kind, { seed, users })
  const [one, other] = [await startDemoScim(), await startDemoScim()]
  const targets = [new TestTarget(one), new TestTarget(other)]
  try {
    const providers = []
    for (const { target } of targets) {
      const source = openSource(server.settings, { http })
      const settings = kind === 'clever' ? {} : { kind, baseUrl: server.settings.baseUrl }
      const given = { ...settings, guard: openGuard, filters: { roles: ROLES } }
      providers.push(await site.addProvider({ source, target }, given))
    }
    const [incremental = '', full = ''] = providers
    await site.sync(incremental)
    const runs: RosterRun[] = []
    const at = new Date(Date.now()).toISOString()
    for (const mutation of drawMutations(seed, { count: steps * 2, at })) {
      server.mutate(mutation)
      if (runs.length < steps && mutation.seed % 2 === 1) {
        runs.push(await site.sync(incremental, { mode: 'incremental' }))
      }
    }
    runs.push(await site.sync(incremental, { mode: 'incremental' }))
    await site.sync(full)
    const read = { incremental: readTarget(one), full: readTarget(other) }
    return { ...read, runs, last: await site.sync(incremental) }
  } finally {
    for (const target of targets) target.close()
    http.close()
    await Promise.all([server.close(), one.close(), other.close()])
  }
}

const ROLES = ['student', 'teacher', 'staff', 'administrator', 'district_admin', 'aide']

/** Reads a target back. */
export function readTarget(scim: Pick<DemoScim, 'users' | 'groups'>): TargetRoster {
  const people = scim.users().filter(({ active }) => active === true)
  const names = new Map(scim.users().map(({ id, externalId }) => [id, String(externalId)]))
  return {
    people: Object.fromEntries(
      people.map(({ id: _own, meta: _meta, externalId, ...rest }) => [String(externalId), rest]),
    ),
    groups: Object.fromEntries(
      scim.groups().map(({ externalId, displayName, members }) => {
        const ids = (members ?? []) as readonly { readonly value: string }[]
        const list = ids.map(({ value }) => names.get(value)).toSorted(compareText)
        return [String(externalId), { displayName, members: list }]
      }),
    ),
  }
}

function compareText(one: string | undefined, other: string | undefined): number {
  return (one ?? '') < (other ?? '') ? -1 : 1
}
