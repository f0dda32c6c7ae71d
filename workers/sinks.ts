import { z } from 'zod'
import { createSqlSink } from '../activities/sql-sink.ts'
import type { Config } from '../config/config.ts'
import { createAuth0Sink } from '../connectors/auth0/sink.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import { createLdapSink } from '../connectors/ldap/sink.ts'
import { AppError } from '../core/errors.ts'
import { listUnknownPaths } from '../core/profile/template.ts'
import type { ProfileSink } from '../core/profile/sink.ts'
import type { WebhookSink } from '../core/webhook/endpoint.ts'
import type { Database } from '../db/client.ts'
import { replicaTableName } from '../db/profile/replica.ts'
import { openConfigured, type SecretValues } from './configured.ts'
import { parseWebhookSink } from './webhook-sinks.ts'

export type SinkOptions = {
  readonly sinks: Config['sinks']
  readonly secrets: SecretValues
  readonly db: Database
  readonly http: HttpClient
}

type Create = (settings: unknown, options: SinkOptions) => ProfileSink

const EVERYTHING = 'read:fullprofile display:all'
// Public classifications alone, whichever audience the person chose.
const PUBLIC = 'display:all'

const scopesOf = (fallback: string): z.ZodType<ReadonlySet<string>, string | undefined> =>
  z
    .string()
    .default(fallback)
    .transform((text) => new Set(text.split(' ').filter((scope) => scope !== '')))

const common = { name: z.string() }

const sqlSettings = z.strictObject({
  ...common,
  kind: z.literal('sql'),
  table: z.string().regex(replicaTableName, 'must be a lower-case table name').default('people'),
  scope: scopesOf(EVERYTHING),
})

const auth0Settings = z.strictObject({
  ...common,
  kind: z.literal('auth0'),
  baseUrl: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  audience: z.string().min(1).optional(),
  create: z.boolean().default(false),
  connection: z.string().min(1).optional(),
  scope: scopesOf(PUBLIC),
})

const template = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    for (const path of listUnknownPaths(text.replaceAll('{group}', ''))) {
      context.addIssue({ code: 'custom', message: `names "${path}", which no profile has` })
    }
  })

const ldapSettings = z.strictObject({
  ...common,
  kind: z.literal('ldap'),
  url: z.url({ protocol: /^ldaps?$/ }),
  startTls: z.boolean().default(false),
  caFile: z.string().min(1).optional(),
  bindDn: z.string(),
  bindPassword: z.string(),
  userDn: template,
  inactiveDn: template.optional(),
  groupDn: z.string().includes('{group}').optional(),
  objectClasses: z.array(z.string().min(1)).min(1).default(['inetOrgPerson']),
  attributes: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/), template).optional(),
  scope: scopesOf(EVERYTHING),
})

// What the usual classes have a place for.
function createLdapAttributes(objectClasses: readonly string[]): Record<string, string> {
  const hasKeys = objectClasses.some((name) => name.toLowerCase() === 'ldappublickey')
  return {
    cn: '{first_name} {last_name}',
    sn: '{last_name}',
    givenName: '{first_name}',
    mail: '{primary_email}',
    displayName: '{first_name} {last_name}',
    title: '{staff_information.title}',
    ...(hasKeys && { sshPublicKey: '{ssh_public_keys}' }),
  }
}

const KINDS: Readonly<Record<string, Create>> = {
  auth0(settings, { http }) {
    const { scope, ...rest } = auth0Settings.parse(settings)
    return createAuth0Sink({ ...rest, scopes: scope, http, nowMs: () => Date.now() })
  },
  ldap(settings) {
    const { scope, attributes, ...rest } = ldapSettings.parse(settings)
    return createLdapSink({
      ...rest,
      attributes: attributes ?? createLdapAttributes(rest.objectClasses),
      scopes: scope,
    })
  },
  sql(settings, { db }) {
    const { name, table, scope } = sqlSettings.parse(settings)
    return createSqlSink({ name, table, scopes: scope, db })
  },
}

/** What `SINKS_FILE` names; nothing is connected to before it is needed. */
export type Sinks = {
  /** All but webhooks, by name. */
  readonly profileSinks: ReadonlyMap<string, ProfileSink>
  readonly webhookSinks: readonly WebhookSink[]
}

/** Opens the sinks of `SINKS_FILE`; throws `invalid_configuration` with every fault. */
export function createSinks(options: SinkOptions): Sinks {
  const profileSinks = new Map<string, ProfileSink>()
  const webhookSinks: WebhookSink[] = []
  openConfigured({
    variable: 'SINKS_FILE',
    entries: options.sinks,
    secrets: options.secrets,
    open({ name, kind }, settings) {
      if (kind === 'webhook') webhookSinks.push(parseWebhookSink(settings))
      else profileSinks.set(name, createSink(kind, settings, options))
    },
  })
  return { profileSinks, webhookSinks }
}

function createSink(kind: string, settings: unknown, options: SinkOptions): ProfileSink {
  const create = KINDS[kind]
  if (create) return create(settings, options)
  throw new AppError('unknown_kind', `there is no sink of kind "${kind}" for profiles`, {
    status: 500,
  })
}
