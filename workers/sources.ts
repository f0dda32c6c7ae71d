import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { createAuth0Source } from '../connectors/auth0/source.ts'
import { createHrisSource } from '../connectors/hris/source.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import { createLdapSource } from '../connectors/ldap/source.ts'
import { attributeRules } from '../core/profile/attributes.ts'
import { publisherNames } from '../core/profile/document.ts'
import type { ProfileSource } from '../core/source/source.ts'
import { openConfigured, type SecretValues } from './configured.ts'

export type SourceOptions = {
  readonly sources: Config['sources']
  readonly secrets: SecretValues
  readonly http: HttpClient
}

const PULLERS = ['ldap', 'hris', 'access_provider'] as const
const DEFAULT_PAGE_SIZE = 500
// Unless said, one in twenty may leave by one run, and always ten.
const DEFAULT_GUARD = { count: 10, share: 0.05 }

const common = {
  name: z.string(),
  publisher: z
    .enum(publisherNames)
    .refine(
      (name) => (PULLERS as readonly string[]).includes(name),
      `must be one of ${PULLERS.join(', ')}: others may not say who comes and goes`,
    ),
  every: z.string().optional(),
  guard: z
    .strictObject({
      count: z.int().nonnegative().default(DEFAULT_GUARD.count),
      share: z.number().min(0).max(1).default(DEFAULT_GUARD.share),
    })
    .default(DEFAULT_GUARD),
}

const hrisSettings = z.strictObject({
  ...common,
  kind: z.literal('hris'),
  url: z.url({ protocol: /^https?$/ }),
  user: z.string().min(1),
  password: z.string().min(1),
})

const auth0Settings = z.strictObject({
  ...common,
  kind: z.literal('auth0'),
  baseUrl: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  audience: z.string().min(1).optional(),
  connections: z.array(z.string().regex(/^[\w.-]+$/, 'must be a name of a connection')).min(1),
})

const ldapSettings = z.strictObject({
  ...common,
  kind: z.literal('ldap'),
  url: z.url({ protocol: /^ldaps?$/ }),
  startTls: z.boolean().default(false),
  caFile: z.string().min(1).optional(),
  bindDn: z.string(),
  bindPassword: z.string(),
  baseDn: z.string().min(1),
  filter: z
    .string()
    .regex(/^\(.+\)$/, 'must be in parentheses')
    .default('(objectClass=person)'),
  groupsBaseDn: z.string().min(1).optional(),
  pageSize: z.int().min(1).max(10_000).default(DEFAULT_PAGE_SIZE),
  userId: z.string().min(1),
  attributes: z
    .record(z.string(), z.string().min(1))
    .superRefine((attributes, context) => {
      for (const path of Object.keys(attributes)) {
        if (Object.hasOwn(attributeRules, path)) continue
        context.addIssue({ code: 'custom', message: `names "${path}", which no profile has` })
      }
    })
    .default({
      primary_email: 'mail',
      first_name: 'givenName',
      last_name: 'sn',
    }),
})

/**
 * The sources of `SOURCES_FILE`, by name; nothing is connected to before it is needed. Throws
 * `invalid_configuration` with every fault.
 */
export function createSources(options: SourceOptions): ReadonlyMap<string, ProfileSource> {
  const { http } = options
  const sources = openConfigured({
    variable: 'SOURCES_FILE',
    entries: options.sources,
    secrets: options.secrets,
    open({ kind }, settings): ProfileSource {
      switch (kind) {
        case 'ldap':
          return createLdapSource(ldapSettings.parse(settings))
        case 'hris':
          return createHrisSource({ ...hrisSettings.parse(settings), http })
        case 'auth0':
          return createAuth0Source({
            ...auth0Settings.parse(settings),
            http,
            nowMs: () => Date.now(),
          })
        default:
          return kind satisfies never
      }
    },
  })
  return new Map(sources.map((source) => [source.name, source]))
}
