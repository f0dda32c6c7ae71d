import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { createDistrict } from '../../core/sample/district.ts'
import { drawMutations } from '../../core/sample/district-mutations.ts'
import type { ApiClient } from '../client.ts'
import type { Output } from '../output.ts'
import { startCleverStandIn } from '../sample-district/clever.ts'
import type { DistrictServer } from '../sample-district/server.ts'
import type { DemoPerson } from './caller.ts'
import { waitUntilSo } from './following.ts'
import type { DemoScim } from './stand-ins/scim.ts'
import { startScimmy } from './stand-ins/scimmy.ts'
import { skipStep, takeStep, type DemoStep } from './steps.ts'

export type DemoDistrict = {
  /** The API with a token of somebody of a tenant. */
  readonly openAs: (person: DemoPerson & { readonly tenant: string }) => Promise<ApiClient>
  /** Whether Registrar may call this machine. */
  readonly allowPrivateTargets: boolean
  /** In the district, at most 600. */
  readonly people: number
  readonly output: Output
}

/** A district's school system, where its people get accounts, and those who look after both. */
type Scene = {
  readonly demo: DemoDistrict
  readonly school: DistrictServer
  readonly target: DemoScim
  readonly tenant: string
  readonly admin: ApiClient
  readonly providerId: string
}

const FIRST = 'first sync of a school district'
const CHANGED = 'sync of what has changed'
const NIGHT = 'an empty feed deactivates nobody'
const MAX_PEOPLE = 600
const CHANGES = 8
const SEED = 2_026
const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'pulling', 'planning', 'applying'])
const EMPTY = { status: 200, body: { data: [], links: [] } } as const

const counts = z.object({ created: z.number(), updated: z.number(), deactivated: z.number() })
const run = z.object({
  syncId: z.string(),
  mode: z.string(),
  state: z.string(),
  counts: z.object({ users: counts, schools: counts, sections: counts }),
  guard: z.array(z.object({ rule: z.string(), tripped: z.boolean() })),
  planHash: z.string().nullable(),
})
type Run = z.output<typeof run>

/**
 * A district's people get accounts at a SCIM server (SCIMMY); some come, leave and move; then
 * its feed is empty for a night, and that run is held until somebody discards it.
 */
export async function syncDistrict(demo: DemoDistrict): Promise<DemoStep[]> {
  if (!demo.allowPrivateTargets) {
    return [skipStep(FIRST, 'ALLOW_PRIVATE_TARGETS=false lets no call come to this machine')]
  }
  const startsAt = new Date(Date.now() - 30 * 86_400_000).toISOString()
  const users = Math.min(demo.people, MAX_PEOPLE)
  const district = createDistrict({ kind: 'clever', users, seed: SEED, startsAt })
  const school = await startCleverStandIn({ district })
  const target = await startScimmy()
  try {
    return await play({ demo, school, target })
  } finally {
    await Promise.all([school.close(), target.close()])
  }
}

async function play(places: Pick<Scene, 'demo' | 'school' | 'target'>): Promise<DemoStep[]> {
  let scene: Scene | undefined
  const first = await takeStep(FIRST, async () => {
    scene = await connect(places)
    return { surprises: judgeFirst(scene, await sync(scene, 'full')) }
  })
  if (!scene) return [first]
  const steps = [first]
  try {
    if (first.ok) steps.push(await takeChanges(scene))
    if (steps.every((step) => step.ok)) steps.push(await takeEmptyNight(scene))
  } finally {
    await disconnect(scene)
  }
  return steps
}

// Each run has a tenant of its own: what an earlier one left is nobody's business.
async function connect(places: Pick<Scene, 'demo' | 'school' | 'target'>): Promise<Scene> {
  const { demo, school, target } = places
  const tenant = `demo-${randomBytes(4).toString('hex')}`
  const scope = 'roster:read roster:sync roster:admin'
  const admin = await demo.openAs({ subject: 'demo-district', scope, tenant })
  const body = {
    name: 'Demo district',
    ...school.settings,
    schedule: null,
    mappings: { userName: ['email', 'districtUsername', 'sisId@district.example'] },
    scim: { baseUrl: target.url, auth: { type: 'bearer', token: target.token } },
  }
  const path = `/tenants/${tenant}/providers`
  const added = await admin.sendForJson({ method: 'POST', path, body })
  const { id: providerId } = z.object({ id: z.string() }).parse(added)
  demo.output.line(
    '\nA made-up district is read from Clever; accounts go to a SCIM server (SCIMMY)',
  )
  return { ...places, tenant, admin, providerId }
}

async function disconnect({ admin, tenant, providerId }: Scene): Promise<void> {
  await admin.send({ method: 'DELETE', path: `/tenants/${tenant}/providers/${providerId}` })
}

function judgeFirst({ target }: Scene, { state, counts: { users } }: Run): string[] {
  const accounts = target.users().length
  return [
    // People whom no source of names names are listed, and the run is partial.
    ...(state === 'succeeded' || state === 'partial' ? [] : [`the first sync is ${state}`]),
    ...(users.created > 0 && users.created === accounts
      ? []
      : [`${users.created} people were created, and the target has ${accounts} accounts`]),
  ]
}

async function takeChanges(scene: Scene): Promise<DemoStep> {
  const { school, demo } = scene
  return await takeStep(CHANGED, async () => {
    const at = new Date().toISOString()
    const changed = drawMutations(SEED, { count: CHANGES, at }).flatMap((mutation) =>
      school.mutate(mutation),
    )
    demo.output.line(`  ${changed.length} records change at the school system`)
    const { mode, state, counts: done } = await sync(scene, 'incremental')
    const writes = [done.users, done.sections, done.schools]
      .map(({ created, updated, deactivated }) => created + updated + deactivated)
      .reduce((sum, count) => sum + count, 0)
    return {
      surprises: [
        ...(mode === 'incremental' ? [] : [`the second sync is a ${mode} one`]),
        ...(state === 'succeeded' || state === 'partial' ? [] : [`the second sync is ${state}`]),
        ...(writes > 0 ? [] : ['nothing of it was written']),
      ],
    }
  })
}

async function takeEmptyNight(scene: Scene): Promise<DemoStep> {
  const { school, target } = scene
  return await takeStep(NIGHT, async () => {
    const active = countActive(target)
    school.intercept(({ path }) => (path.endsWith('/events') ? undefined : EMPTY))
    const held = await sync(scene, 'full')
    school.intercept(undefined)
    if (held.state !== 'held') return { surprises: [`the run of an empty feed is ${held.state}`] }
    const after = await discard(scene, held)
    const left = countActive(target)
    return {
      surprises: [
        ...(after === 'discarded' ? [] : [`the run that was discarded is ${after}`]),
        ...(left === active ? [] : [`${active} accounts were active, and ${left} are`]),
      ],
    }
  })
}

async function discard({ demo, tenant, admin }: Scene, { syncId, planHash }: Run): Promise<string> {
  const operator = await demo.openAs({ subject: 'demo-operator', scope: 'roster:approve', tenant })
  const body = { hash: planHash, reason: 'The feed is broken' }
  const path = `/sync/${tenant}/plans/${syncId}/discard`
  await operator.send({ method: 'POST', path, body })
  let state = ''
  await waitUntilSo(async () => {
    state = (await readRun(admin, tenant, syncId)).state
    return state !== 'held'
  })
  demo.output.line(`  discarded by somebody else: ${state}, and everybody's account is as before`)
  return state
}

async function sync(scene: Scene, mode: 'full' | 'incremental'): Promise<Run> {
  const { admin, tenant, providerId, demo } = scene
  const path = `/sync/${tenant}/start`
  const body = { providerId, mode }
  const started = await admin.sendForJson({ method: 'POST', path, body })
  const { syncId } = z.object({ syncId: z.string() }).parse(started)
  let now = await readRun(admin, tenant, syncId)
  await waitUntilSo(async () => {
    now = await readRun(admin, tenant, syncId)
    return !UNDER_WAY.has(now.state)
  })
  show(demo.output, now)
  return now
}

async function readRun(client: ApiClient, tenant: string, syncId: string): Promise<Run> {
  const path = `/sync/${tenant}/history/${syncId}`
  return run.parse(await client.sendForJson({ method: 'GET', path }))
}

function show(output: Output, { mode, state, counts: { users }, guard }: Run): void {
  const tripped = guard.filter((judgement) => judgement.tripped).map(({ rule }) => rule)
  const why = tripped.length === 0 ? '' : ` (${[...new Set(tripped)].join(', ')})`
  const { created, updated, deactivated } = users
  output.line(
    `  ${mode}: ${state}${why}, people: ${created} created, ${updated} updated, ${deactivated} deactivated`,
  )
}

function countActive(target: DemoScim): number {
  return target.users().filter((user) => user['active'] !== false).length
}
