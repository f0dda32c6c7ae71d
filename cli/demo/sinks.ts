import { EqualityFilter } from 'ldapts'
import { z } from 'zod'
import { findAttribute, type PartialProfile } from '../../core/profile/document.ts'
import { createDatabase } from '../../db/client.ts'
import { findReplicaRow } from '../../db/profile/replica.ts'
import type { RunFile } from '../run-file.ts'
import type { DemoAuth0 } from './stand-ins/auth0.ts'
import type { DemoDirectory } from './stand-ins/slapd.ts'
import type { DemoReceiver } from './stand-ins/webhook-receiver.ts'

/** How a person should stand at every sink. */
export type ExpectedPerson = {
  readonly userId: string
  readonly email: string
  readonly title: string
  readonly group: string
  /** Of the newest change. */
  readonly serial: number
}

/** A sink that the demo stands in for, or opens in the database. */
export type DemoSink = {
  readonly name: string
  /** Its entry of `SINKS_FILE`. */
  readonly entry: Readonly<Record<string, unknown>>
  /** The secrets that the entry names. */
  readonly env: Readonly<Record<string, string>>
  /** Looks into the system itself: what is otherwise than it should be. */
  readonly look: (person: ExpectedPerson, run: RunFile) => Promise<string[]>
}

const TITLE = 'staff_information.title'
const SCOPE = 'classification:mozilla_confidential display:all'
const TABLE = 'demo_people'

const auth0User = z.object({
  user_metadata: z.object({ profile: z.record(z.string(), z.unknown()) }),
  app_metadata: z.object({ groups: z.array(z.string()), serial: z.number() }),
})

/** A directory with an entry per person, and their groups. */
export function createDirectorySink(directory: DemoDirectory): DemoSink {
  const { url, baseDn, bindDn, bindPassword } = directory
  const [people, groups] = [`ou=people,${baseDn}`, `ou=groups,${baseDn}`]
  return {
    name: 'directory',
    entry: {
      kind: 'ldap',
      url,
      bindDn,
      bindPassword: { env: 'DEMO_LDAP_PASSWORD' },
      userDn: `uid={user_id},${people}`,
      groupDn: `cn={group},${groups}`,
    },
    env: { DEMO_LDAP_PASSWORD: bindPassword },
    async look({ email, title, group }) {
      const client = await directory.connect()
      try {
        const byEmail = new EqualityFilter({ attribute: 'mail', value: email })
        const { searchEntries } = await client.search(people, { filter: byEmail })
        const [entry] = searchEntries
        if (!entry) return ['the directory has no entry of the person']
        const members = new EqualityFilter({ attribute: 'member', value: entry.dn })
        const found = await client.search(groups, { filter: members, attributes: ['cn'] })
        const isMember = found.searchEntries.some(({ cn }) => cn === group)
        return listDifferences({
          title: [entry['title'], title],
          'is in the group': [isMember, true],
        })
      } finally {
        await client.unbind()
      }
    },
  }
}

/** A table with a row per person, in Registrar's own database. */
export function createReplicaSink(): DemoSink {
  return {
    name: 'replica',
    entry: { kind: 'sql', table: TABLE },
    env: {},
    async look({ userId, title, serial }, { databaseUrl }) {
      const db = createDatabase({ connectionString: databaseUrl, applicationName: 'demo' })
      try {
        const row = await findReplicaRow({ db, table: TABLE }, userId)
        if (!row || row.isDeleted) return ['the table has no row of the person']
        return listDifferences({
          title: [titleOf(row.profile), title],
          serial: [row.serial, serial],
        })
      } finally {
        await db.end()
      }
    },
  }
}

/** Somebody who is told what has changed, by signed messages. */
export function createReceiverSink(receiver: DemoReceiver): DemoSink {
  return {
    name: 'partner',
    entry: {
      kind: 'webhook',
      url: `${receiver.url}/registrar`,
      secret: { env: 'DEMO_WEBHOOK_SECRET' },
      events: ['profile.*'],
      scope: SCOPE,
    },
    env: { DEMO_WEBHOOK_SECRET: receiver.secret },
    async look({ userId, serial }) {
      const newest = receiver.listEvents(userId).at(-1)
      const differences = listDifferences({
        'newest serial': [newest?.serial, serial],
        'names the title': [newest?.changed.includes(TITLE), true],
        'messages with a bad signature': [receiver.countForged(), 0],
      })
      return await Promise.resolve(differences)
    },
  }
}

/** A tenant of Auth0 whose users carry what is known of them. */
export function createAuth0Sink(auth0: DemoAuth0): DemoSink {
  return {
    name: 'auth0',
    entry: {
      kind: 'auth0',
      baseUrl: auth0.url,
      clientId: auth0.clientId,
      clientSecret: { env: 'DEMO_AUTH0_SECRET' },
      create: true,
      connection: 'Mozilla-LDAP',
      scope: SCOPE,
    },
    env: { DEMO_AUTH0_SECRET: auth0.clientSecret },
    async look({ userId, title, group, serial }) {
      const { data: user } = auth0User.safeParse(auth0.findUser(userId))
      const differences = listDifferences({
        title: [user && titleOf(user.user_metadata.profile), title],
        'has the group': [user?.app_metadata.groups.includes(group), true],
        serial: [user?.app_metadata.serial, serial],
      })
      return await Promise.resolve(differences)
    },
  }
}

function titleOf(profile: PartialProfile): unknown {
  return findAttribute(profile, TITLE)?.value
}

type Compared = Readonly<Record<string, readonly [found: unknown, expected: unknown]>>

function listDifferences(compared: Compared): string[] {
  return Object.entries(compared)
    .filter(([, [found, expected]]) => found !== expected)
    .map(([name, [found, expected]]) => `${name} ${String(found)}, expected ${String(expected)}`)
}
