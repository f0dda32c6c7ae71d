import { z } from 'zod'
import { createSqlSink } from '../activities/sql-sink.ts'
import type { Config } from '../config/config.ts'
import type { Env } from '../config/env.ts'
import { createAuth0Sink } from '../connectors/auth0/sink.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import { createLdapSink } from '../connectors/ldap/sink.ts'
import { AppError } from '../core/errors.ts'
import { listUnknownPaths } from '../core/profile/template.ts'
import type { ProfileSink } from '../core/profile/sink.ts'
import type { Database } from '../db/client.ts'
import { replicaTableName } from '../db/profile/replica.ts'

export type SinkOptions = {
  readonly sinks: Config['sinks']
  /** Where `{"env": "NAME"}` is looked up. */
  readonly env: Env
  readonly db: Database
  readonly http: HttpClient
}

type Create = (settings: unknown, options: SinkOptions) => ProfileSink
type SinkConfig = Config['sinks'][number]

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

const auth0Settings = z
  .strictObject({
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
  .refine(({ create, connection }) => !create || connection !== undefined, {
    path: ['connection'],
    error: 'is needed where users are to be created',
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
  attributes: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/), template).default({
    cn: '{first_name} {last_name}',
    sn: '{last_name}',
    givenName: '{first_name}',
    mail: '{primary_email}',
    displayName: '{first_name} {last_name}',
    title: '{staff_information.title}',
  }),
  scope: scopesOf(EVERYTHING),
})

const KINDS: Readonly<Record<string, Create>> = {
  auth0(settings, { http }) {
    const { scope, ...rest } = auth0Settings.parse(settings)
    return createAuth0Sink({ ...rest, scopes: scope, http, nowMs: () => Date.now() })
  },
  ldap(settings) {
    const { scope, ...rest } = ldapSettings.parse(settings)
    return createLdapSink({ ...rest, scopes: scope })
  },
  sql(settings, { db }) {
    const { name, table, scope } = sqlSettings.parse(settings)
    return createSqlSink({ name, table, scopes: scope, db })
  },
}

/**
 * The sinks of `SINKS_FILE` but webhooks, by name; nothing is connected to before it is needed.
 * Throws `invalid_configuration` with every fault.
 */
export function createSinks(options: SinkOptions): ReadonlyMap<string, ProfileSink> {
  const faults: string[] = []
  const sinks = options.sinks
    .filter(({ kind }) => kind !== 'webhook')
    .flatMap((settings) => createSink(settings, { options, faults }))
  if (faults.length === 0) return new Map(sinks.map((sink) => [sink.name, sink]))
  throw new AppError(
    'invalid_configuration',
    `Cannot use SINKS_FILE:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    { status: 500, expose: true, details: { faults } },
  )
}

function createSink(
  settings: SinkConfig,
  { options, faults }: { readonly options: SinkOptions; readonly faults: string[] },
): ProfileSink[] {
  const create = KINDS[settings.kind]
  if (!create) {
    faults.push(`${settings.name}: there is no sink of kind "${settings.kind}" for profiles`)
    return []
  }
  try {
    return [create(resolveSecrets(settings, options.env), options)]
  } catch (error) {
    if (!(error instanceof z.ZodError) && !(error instanceof AppError)) throw error
    const reasons = error instanceof AppError ? [error.message] : error.issues.map(describeIssue)
    faults.push(...reasons.map((reason) => `${settings.name}: ${reason}`))
    return []
  }
}

/** The settings with `{"env": "NAME"}` exchanged for what the variable holds. */
function resolveSecrets(value: unknown, env: Env): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveSecrets(item, env))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only?.[0] === 'env' && typeof only[1] === 'string') {
    const secret = env[only[1]]
    if (secret !== undefined && secret !== '') return secret
    throw new AppError('missing_secret', `the environment variable ${only[1]} is not set`, {
      status: 500,
      expose: true,
    })
  }
  return Object.fromEntries(entries.map(([name, member]) => [name, resolveSecrets(member, env)]))
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
}
