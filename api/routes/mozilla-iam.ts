import { createHash } from 'node:crypto'
import { z } from 'zod'
import { readingScopes } from '../../core/profile/filter.ts'
import { LOCAL_AUDIENCE, LOCAL_ISSUER } from '../../crypto/token.ts'
import type { Config } from '../../config/config.ts'
import { defineRoute } from '../guard.ts'

const WRITING_SCOPES = ['write', 'delete', 'search:all']
const CACHING = 'public, max-age=300'

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })

/** `GET /.well-known/mozilla-iam`: where things are, and the public keys of every publisher. */
export const getWellKnownIam = defineRoute(
  {
    method: 'GET',
    path: '/.well-known/mozilla-iam',
    operationId: 'getWellKnownIam',
    summary: 'Endpoints, scopes and keys, as CIS v2 serves them',
    description: 'Keys that are added to or taken from `PUBLISHERS_FILE` are here within seconds.',
    tags: ['well-known'],
    auth: 'public',
    responses: {
      200: {
        description: 'The document',
        schema: z.looseObject({
          oidc_discovery_uri: z.string(),
          access_file: z.null(),
          person_api: z.string(),
          change_api: z.string(),
          publisher_rules_uri: z.string(),
          profile_schema_uri: z.string(),
          api: z.looseObject({
            endpoints: z.record(z.string(), z.string()),
            audience: z.string(),
            scopes: z.array(z.string()),
            publishers_jwks: z.record(z.string(), jwks),
          }),
        }),
        headers: { ETag: 'Of this document' },
      },
      304: { description: 'It is as `If-None-Match` has it' },
    },
  },
  async ({ origin, headers }, { config, publishers }) => {
    const { publicJwks } = await publishers.current()
    const text = JSON.stringify(createDocument(origin, config, publicJwks))
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    const common = { ETag: etag, 'Cache-Control': CACHING }
    const isKnown = headers['if-none-match']?.split(',').some((tag) => tag.trim() === etag) === true
    if (isKnown) return { status: 304, headers: common }
    return {
      status: 200,
      headers: { ...common, 'Content-Type': 'application/json' },
      body: text,
    }
  },
)

function createDocument(
  origin: string,
  config: Pick<Config, 'issuers'>,
  publishersJwks: unknown,
): Readonly<Record<string, unknown>> {
  const [issuer] = config.issuers
  const rules = `${origin}/.well-known/mozilla-iam-publisher-rules`
  const schema = `${origin}/.well-known/profile.schema`
  const scopes = [...WRITING_SCOPES, ...readingScopes]
  return {
    oidc_discovery_uri: `${(issuer?.issuer ?? LOCAL_ISSUER).replace(/\/$/, '')}/.well-known/openid-configuration`,
    access_file: null,
    person_api: origin,
    change_api: origin,
    publisher_rules_uri: rules,
    publishers_rules_uri: rules,
    profile_schema_uri: schema,
    api: {
      // Clients append the paths themselves: `${change}/v2/user`, `${person}/v2/user/user_id/…`.
      endpoints: { change: origin, person: origin },
      audience: issuer?.audience ?? LOCAL_AUDIENCE,
      scopes,
      scopes_supported: scopes,
      publishers_supported: Object.keys(publishersJwks as object),
      publishers_jwks: publishersJwks,
      publisher_rules_uri: rules,
      publishers_rules_uri: rules,
      profile_schema_uri: schema,
      profile_schema_combined_uri: schema,
      // Where Mozilla's `cis_profile` looks.
      'data/profile_schema': schema,
    },
  }
}
