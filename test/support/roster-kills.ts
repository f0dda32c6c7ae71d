import { startCleverStandIn } from '../../cli/sample-district/clever.ts'
import { startDemoScim } from '../../cli/demo/stand-ins/scim.ts'
import { createDistrict } from '../../core/sample/district.ts'
import { createRandom } from '../../core/sample/random.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { signLocalToken } from '../../crypto/token.ts'
import { killPart, type Part } from './kill-part.ts'
import { waitUntil } from './polling.ts'
import { startRegistrar, stopRegistrar, type RunningRegistrar } from './registrar-process.ts'
import { readTarget, type TargetRoster } from './roster-equivalence.ts'
import { createProviderBody, ROSTER_SCOPES } from './rosters.ts'
import { createScratchDir } from './scratch.ts'

export type KilledSync = {
  readonly state: string
  readonly roster: TargetRoster
  /** Accounts with an externalId that another one has too. */
  readonly doubles: number
  /** How often a page of the source was asked for again. */
  readonly repeats: number
}

type Site = {
  readonly dataDir: string
  readonly registrar: RunningRegistrar
  readonly token: string
}
type Answer = Readonly<Record<string, unknown>>

const TENANT = 'spring-valley'
const PATIENCE_MS = 300_000
const STARTS_AT = '2026-08-01T00:00:00.000Z'
// So that the source is still being read when the first parts are killed, however few people it has.
const PAGES = 75

/** Syncs a made-up district by a whole `registrar up`, of which these parts are killed meanwhile. */
export async function syncWithKills(options: {
  readonly seed: number
  readonly users: number
  readonly kills: readonly Part[]
}): Promise<KilledSync> {
  const { seed, users, kills } = options
  const pageSize = Math.ceil(users / PAGES)
  const scratch = await createScratchDir('roster-kills')
  const { path: dataDir } = scratch
  const keys = generateKeyRingDocument()
  const district = createDistrict({ kind: 'clever', seed, users, startsAt: STARTS_AT })
  const [server, scim] = [
    await startCleverStandIn({ district, maxLimit: pageSize }),
    await startDemoScim(),
  ]
  const registrar = await startRegistrar(dataDir, {
    env: { KEY_RING: JSON.stringify(keys), ALLOW_PRIVATE_TARGETS: 'true' },
  })
  try {
    const claims = { subject: 'operator', scope: ROSTER_SCOPES, tenant: TENANT, ttlSeconds: 3_600 }
    const token = await signLocalToken(createKeyRing(keys), claims)
    const site = { dataDir, registrar, token }
    const provider = createProviderBody({
      baseUrl: server.settings.baseUrl,
      auth: server.settings.auth,
      scim: { baseUrl: scim.url, auth: { type: 'bearer', token: scim.token } },
    })
    const { id } = await call(site, `/tenants/${TENANT}/providers`, provider)
    const body = { providerId: id, mode: 'full' }
    const { syncId } = await call(site, `/sync/${TENANT}/start`, body)
    const random = createRandom('kills', seed)
    const begun = 20 + random.int(40)
    const isReading = async (): Promise<boolean> =>
      await Promise.resolve(server.requests.length > begun)
    await waitUntil('the source is being read', isReading, { patienceMs: PATIENCE_MS })
    for (const part of kills) {
      await new Promise((done) => setTimeout(done, random.int(1_500)))
      await killPart(site, part)
    }
    const state = await waitForEnd(site, String(syncId))
    const ids = scim.users().map(({ externalId }) => externalId)
    const doubles = ids.length - new Set(ids).size
    const pages = server.requests.filter((target) => isPage(target, pageSize))
    const repeats = pages.length - new Set(pages).size
    return { state, roster: readTarget(scim), doubles, repeats }
  } finally {
    await stopRegistrar(registrar)
    await Promise.all([server.close(), scim.close(), scratch.remove()])
  }
}

// Of a collection: what is asked of the newest event is none. A larger limit is refused, and the page
// asked for again with a smaller one.
function isPage(target: string, pageSize: number): boolean {
  const { pathname, searchParams } = new URL(target, 'http://stand-in')
  const limit = searchParams.get('limit')
  return limit !== null && Number(limit) <= pageSize && !pathname.endsWith('/events')
}

async function waitForEnd(site: Site, syncId: string): Promise<string> {
  let state = ''
  await waitUntil(
    'the sync ends',
    async () => {
      const run = await call(site, `/sync/${TENANT}/history/${syncId}`).catch(() => undefined)
      state = String(run?.['state'])
      return run !== undefined && run['endedAt'] !== null && run['endedAt'] !== undefined
    },
    { patienceMs: PATIENCE_MS },
  )
  return state
}

async function call({ registrar, token }: Site, path: string, json?: unknown): Promise<Answer> {
  const answer = await fetch(`${registrar.run.apiUrl}${path}`, {
    method: json === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Answer
}
