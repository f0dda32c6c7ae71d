import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LeafPath } from '../../core/profile/attributes.ts'
import type { PublisherName } from '../../core/profile/document.ts'
import { createKeyRing, generateKeyRingDocument, type KeyRing } from '../../crypto/key-ring.ts'
import { signLocalToken } from '../../crypto/token.ts'
import { createDatabase, type Database } from '../../db/client.ts'
import { TestAuth0 } from './auth0.ts'
import { waitUntil } from './polling.ts'
import type { Content } from './profiles.ts'
import { createTestPublishers, type TestPublishers } from './publishers.ts'
import {
  startRegistrar,
  stopRegistrar,
  type RegistrarResult,
  type RunningRegistrar,
} from './registrar-process.ts'
import { createScratchDir } from './scratch.ts'

/** A whole `registrar up` that brings changes to a SQL table and to Auth0. */
export type ChangeSite = {
  readonly dataDir: string
  readonly registrar: RunningRegistrar
  readonly auth0: TestAuth0
  readonly publishers: TestPublishers
  readonly ring: KeyRing
  /** Of the embedded server; queries fail while it is away. */
  readonly db: Database
  readonly token: (scope: string, publisher?: PublisherName) => Promise<string>
  /** Posts a change until it is answered, whatever dies meanwhile; throws when it is refused. */
  readonly submit: (change: SiteChange) => Promise<SiteAnswer>
  /** Resolves once no change is on its way to any sink. */
  readonly settle: () => Promise<void>
  /** Stops everything and returns what was printed. */
  readonly close: () => Promise<RegistrarResult>
}

export type SiteChange = {
  readonly publisher: PublisherName
  readonly userId: string
  readonly body: unknown
}

export type SiteAnswer = {
  readonly sequence_number: number | null
  readonly condition: 'create' | 'update' | 'noop'
}

export type ChangeSiteOptions = {
  /** Beside what the site itself needs. */
  readonly env?: Readonly<Record<string, string>>
}

export const AUTH0_SECRET = 'right-secret'
const EVERYTHING = 'read:fullprofile display:all'
const ANSWER_TIMEOUT_MS = 30_000
const SETTLE_ROUNDS = 6
const AUTH0_LATENCY_MS = 20

/** Starts it in a scratch folder. */
export async function startChangeSite(options: ChangeSiteOptions = {}): Promise<ChangeSite> {
  const scratch = await createScratchDir('changes')
  const [auth0, publishers] = [await TestAuth0.start(), await createTestPublishers()]
  auth0.latencyMs = AUTH0_LATENCY_MS
  const keys = generateKeyRingDocument()
  const dataDir = join(scratch.path, 'data')
  const registrar = await startRegistrar(dataDir, {
    env: {
      KEY_RING: JSON.stringify(keys),
      PUBLISHERS_FILE: publishers.file,
      SINKS_FILE: await writeSinks(scratch.path, auth0),
      SITE_AUTH0_SECRET: AUTH0_SECRET,
      RATE_LIMIT_PER_SECOND: '0',
      ...options.env,
    },
  })
  const db = createDatabase({
    connectionString: registrar.run.databaseUrl,
    applicationName: 'test',
  })
  const ring = createKeyRing(keys)
  const token: ChangeSite['token'] = async (scope, publisher) =>
    await signLocalToken(ring, {
      subject: 'test-client',
      scope,
      ttlSeconds: 3_600,
      ...(publisher && { publisher }),
    })
  return {
    dataDir,
    registrar,
    auth0,
    publishers,
    ring,
    db,
    token,
    submit: async (change) =>
      await submit(`${registrar.run.apiUrl}/v2/user?user_id=${encodeURIComponent(change.userId)}`, {
        body: JSON.stringify(change.body),
        token: await token('write', change.publisher),
      }),
    settle: async () => await settle(db),
    async close() {
      await db.end()
      const result = await stopRegistrar(registrar)
      await auth0.close()
      await publishers.close()
      await scratch.remove()
      return result
    },
  }
}

/** Makes a person by ldap, whose id ends in this name. */
export async function createSitePerson(
  site: ChangeSite,
  name: string,
  contents: Readonly<Record<LeafPath, Content>> = {},
): Promise<string> {
  const userId = `ad|Mozilla-LDAP|${name}`
  const body = await site.publishers.signWhole('ldap', {
    user_id: userId,
    primary_email: `${name}@example.com`,
    login_method: 'Mozilla-LDAP',
    active: true,
    ...contents,
  })
  await site.submit({ publisher: 'ldap', userId, body })
  return userId
}

async function writeSinks(directory: string, auth0: TestAuth0): Promise<string> {
  const file = join(directory, 'sinks.json')
  const sinks = [
    { name: 'replica', kind: 'sql', table: 'people' },
    {
      name: 'login',
      kind: 'auth0',
      baseUrl: auth0.url,
      clientId: 'registrar',
      clientSecret: { env: 'SITE_AUTH0_SECRET' },
      create: true,
      connection: 'ad',
      scope: EVERYTHING,
    },
  ]
  await writeFile(file, JSON.stringify(sinks))
  return file
}

type Sending = { readonly body: string; readonly token: string }

async function submit(url: string, { body, token }: Sending): Promise<SiteAnswer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  for (;;) {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const answer = await fetch(url, { method: 'POST', headers, body, signal })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => undefined)
    if (answer?.status === 200) return JSON.parse(answer.text) as SiteAnswer // as documented
    if (answer && answer.status < 500) throw new Error(`Cannot go on: ${answer.text}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

async function settle(db: Database): Promise<void> {
  const isSettled = async (): Promise<boolean> => {
    const open = await countOpen(db).catch(() => undefined)
    return open === 0
  }
  for (let round = 1; ; round += 1) {
    try {
      await waitUntil('every change is settled at every sink', isSettled)
      return
    } catch (error) {
      if (round === SETTLE_ROUNDS) throw error
    }
  }
}

async function countOpen(db: Database): Promise<number> {
  const { rows } = await db.query<{ open: number }>(
    `select count(*) as open
       from profile_changes c
       cross join unnest(c.sinks) as s(sink)
       left join change_deliveries d on d.serial = c.serial and d.sink = s.sink
      where coalesce(d.state, 'pending') = 'pending'`,
  )
  return rows[0]?.open ?? 0
}
