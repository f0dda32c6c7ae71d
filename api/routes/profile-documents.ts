import { createHash } from 'node:crypto'
import { z } from 'zod'
import { publisherRules } from '../../core/profile/rules.ts'
import { profileSchema } from '../../core/profile/schema.ts'
import { isCurrent } from '../etag.ts'
import { defineRoute, type Reply } from '../guard.ts'

const MAX_AGE_SECONDS = 900

const schemaDocument = createDocument(profileSchema)
const rulesDocument = createDocument(publisherRules)

/** `GET /.well-known/profile.schema`: the JSON Schema that profiles are held to. */
export const getProfileSchema = defineRoute(
  {
    method: 'GET',
    path: '/.well-known/profile.schema',
    operationId: 'getProfileSchema',
    summary: 'The JSON Schema of profiles',
    tags: ['well-known'],
    auth: 'public',
    responses: describeResponses({ $schema: 'http://json-schema.org/draft-07/schema#' }),
  },
  async ({ headers }) => await Promise.resolve(reply(schemaDocument, headers['if-none-match'])),
)

/** `GET /.well-known/mozilla-iam-publisher-rules`: who may set and who may change which attribute. */
export const getPublisherRules = defineRoute(
  {
    method: 'GET',
    path: '/.well-known/mozilla-iam-publisher-rules',
    operationId: 'getPublisherRules',
    summary: 'Which publishers may set and which may change an attribute',
    description: '`create`: while it is null; `update`: once it is set, null for nobody.',
    tags: ['well-known'],
    auth: 'public',
    responses: describeResponses({
      version: 1,
      create: { description: ['ldap', 'mozilliansorg'] },
      update: { description: 'mozilliansorg' },
    }),
  },
  async ({ headers }) => await Promise.resolve(reply(rulesDocument, headers['if-none-match'])),
)

type Document = { readonly body: string; readonly headers: Readonly<Record<string, string>> }

function createDocument(content: unknown): Document {
  const body = JSON.stringify(content)
  const hash = createHash('sha256').update(body).digest('base64url')
  return {
    body,
    headers: { ETag: `"${hash}"`, 'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}` },
  }
}

function describeResponses(example: Readonly<Record<string, unknown>>) {
  return {
    200: {
      description: 'The document; it may be kept for a quarter of an hour',
      schema: z.looseObject({}),
      example,
      headers: { ETag: 'Changes with the document' },
    },
    304: { description: 'The document is still that of `If-None-Match`' },
  }
}

function reply({ body, headers }: Document, ifNoneMatch: string | undefined): Reply {
  if (isCurrent(ifNoneMatch, headers['ETag'] ?? '')) return { status: 304, headers }
  return { status: 200, headers: { 'Content-Type': 'application/json', ...headers }, body }
}
