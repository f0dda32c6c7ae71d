import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import {
  judgeProvider,
  providerDocument,
  providerSchema,
  type ProviderSettings,
} from '../../core/roster/provider.ts'
import { appendAudit, type AuditEntry } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import {
  insertRosterProvider,
  listRosterProviders,
  lockTenant,
  updateRosterProvider,
  type RosterProvider,
} from '../../db/roster/providers.ts'
import { discardHeldRuns } from '../../db/roster/start.ts'
import { wakeWaitingRun } from '../../db/roster/stranded.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import {
  presentRosterProvider,
  providerBodyExample,
  readOnlyMembers,
  rosterProviderExample,
  rosterProviderSchema,
} from '../presenters/roster-provider.ts'
import type { Principal } from '../principal.ts'
import {
  adminScope,
  assertProvider,
  getProvider,
  NO_PROVIDER,
  NO_TENANT,
  providerParams,
  readScope,
  tenantParams,
} from '../roster-access.ts'
import {
  assertOwnTarget,
  judgeSettings,
  loadCredentials,
  removeCredentials,
  saveCredentials,
} from '../roster-providers.ts'
import { hasOtherPauses, isOtherRoster } from '../roster-settings-change.ts'

export const tags = ['rosters']
const path = '/tenants/{tenantId}/providers'
export const onePath = `${path}/{providerId}`
const position = z.object({ createdAt: z.iso.datetime(), id: z.uuid() })
export const shown = { ETag: 'Its version' }
const SHARED =
  'Another provider of the tenant writes to this target; `scim.externalIdPrefix` parts them'
const UNFIT =
  'A field is unknown or breaks a rule, an address must not be called, or a mask stands for nothing'
const SECRETS =
  'Secrets (`token`, `clientSecret`, `consumerSecret`) are kept in the store of secrets, and read ' +
  'back as `********`.'

// What a GET shows may be sent back whole.
const putBody = z
  .strictObject({
    ...Object.fromEntries(
      Object.keys(readOnlyMembers).map((name) => [name, z.unknown().optional()]),
    ),
    ...providerDocument.shape,
  })
  .superRefine(judgeProvider)

/** `GET /tenants/{tenantId}/providers`: the school systems of a tenant. */
export const listProviders = defineRoute(
  {
    method: 'GET',
    path,
    operationId: 'listRosterProviders',
    summary: "A tenant's providers, the oldest first",
    tags,
    auth: readScope,
    params: tenantParams,
    ofTenant: true,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of providers',
        schema: pageOf(rosterProviderSchema),
        example: { items: [rosterProviderExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NO_TENANT },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const tenant = params.tenantId
    const scope = `roster-providers ${tenant}`
    const after = query.cursor ? position.parse(cursors.open(scope, query.cursor)) : undefined
    const found = await listRosterProviders(db, { tenant, after, limit: query.limit + 1 })
    const { items, last } = cutPage(found, query.limit)
    const next =
      last && cursors.sign(scope, { createdAt: last.createdAt.toISOString(), id: last.id })
    return replyWithPage(url, { items: items.map(presentRosterProvider), next })
  },
)

/** `POST /tenants/{tenantId}/providers`: connects a school system; a tenant exists from its first. */
export const postProvider = defineRoute(
  {
    method: 'POST',
    path,
    operationId: 'createRosterProvider',
    summary: 'Connects a school system to its SCIM service provider',
    description: `${SECRETS} Its schedules exist within seconds.`,
    tags,
    auth: adminScope,
    params: tenantParams,
    ofTenant: true,
    idempotent: true,
    body: { kind: 'json', schema: providerSchema, example: providerBodyExample },
    responses: {
      201: {
        description: 'The provider',
        schema: rosterProviderSchema,
        example: rosterProviderExample,
        headers: { Location: 'The provider', ...shown },
      },
    },
    errors: { 404: NO_TENANT, 409: SHARED, 422: UNFIT },
  },
  async ({ principal, params, body, requestId, settle }, context) => {
    const { db, secretsOf } = context
    const { settings, credentials } = await judgeSettings(context, body)
    const id = randomUUID()
    const tenant = params.tenantId
    const secrets = secretsOf(tenant, { actor: principal.subject, requestId })
    await saveCredentials(secrets, id, credentials)
    try {
      return await withTransaction(db, async (tx) => {
        await lockTenant(tx, tenant)
        await assertOwnTarget(tx, context, { id, tenant, settings })
        const provider = await insertRosterProvider(tx, { id, tenant, settings })
        await appendAudit(tx, [toEntry(principal, 'created', { provider, requestId })])
        const { headers, body: view } = replyWith(provider)
        const location = `/tenants/${encodeURIComponent(tenant)}/providers/${id}`
        return await settle(tx, {
          status: 201,
          headers: { ...headers, Location: location },
          body: view,
        })
      })
    } catch (error) {
      await removeCredentials(secrets, id)
      throw error
    }
  },
)

/** `GET /tenants/{tenantId}/providers/{providerId}`. */
export const getRosterProvider = defineRoute(
  {
    method: 'GET',
    path: onePath,
    operationId: 'getRosterProvider',
    summary: 'A provider, its secrets masked',
    tags,
    auth: readScope,
    params: providerParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'The provider',
        schema: rosterProviderSchema,
        example: rosterProviderExample,
        headers: shown,
      },
    },
    errors: { 404: NO_PROVIDER },
  },
  async ({ params }, { db }) => replyWith(await getProvider(db, params)),
)

/** `PUT /tenants/{tenantId}/providers/{providerId}`: replaces its settings. */
export const putProvider = defineRoute(
  {
    method: 'PUT',
    path: onePath,
    operationId: 'replaceRosterProvider',
    summary: 'Replaces the settings of a provider',
    description:
      `${SECRETS} A secret sent as \`********\` stays what it is, unless the address is on another ` +
      'server. Where it changes what is read, or what is to be of it at the target, the next run is a ' +
      'full one, and a plan that waits for a decision is discarded. ' +
      'With `If-Match` only the version that was read is replaced.',
    tags,
    auth: adminScope,
    params: providerParams,
    ofTenant: true,
    precondition: assertProvider,
    body: { kind: 'json', schema: putBody, example: providerBodyExample },
    responses: {
      200: {
        description: 'The provider as it is now',
        schema: rosterProviderSchema,
        example: rosterProviderExample,
        headers: shown,
      },
    },
    errors: {
      404: NO_PROVIDER,
      409: `${SHARED}; or somebody else changed it meanwhile`,
      412: 'It has changed since it was read',
      422: UNFIT,
    },
  },
  async ({ principal, params, body, headers, requestId }, context) => {
    const { db, secretsOf } = context
    const provider = await getProvider(db, params)
    const secrets = secretsOf(provider.tenant, { actor: principal.subject, requestId })
    const { id, tenant, version } = provider
    const ifMatch = headers['if-match']
    if (ifMatch !== undefined) assertIfMatch(ifMatch, createEtag(etagOf(provider)))
    if (body.kind !== provider.kind) throwOtherKind(provider)
    const stored = await loadCredentials(secrets, id)
    const kept = { settings: provider.settings, credentials: stored }
    const { settings, credentials } = await judgeSettings(context, pickSettings(body), kept)
    const isOther = !isDeepStrictEqual(stored, credentials)
    if (!isOther && isDeepStrictEqual(settings, provider.settings)) return replyWith(provider)
    const isOtherPlan = isOtherRoster(settings, provider.settings)
    const { changed, queued } = await withTransaction(db, async (tx) => {
      await lockTenant(tx, tenant)
      await assertOwnTarget(tx, context, { id, tenant, settings })
      const change = { id, tenant, version, settings, isOtherRoster: isOtherPlan }
      const updated = await updateRosterProvider(tx, change)
      if (!updated) throwChanged()
      await appendAudit(tx, [toEntry(principal, 'changed', { provider: updated, requestId })])
      const by = { startedBy: principal.subject, requestId }
      const discarded = isOtherPlan ? await discardHeldRuns(tx, updated, by) : []
      const woken = hasOtherPauses(settings, provider.settings) ? await wakeWaitingRun(tx, id) : []
      return { changed: updated, queued: [...discarded, ...woken] }
    })
    if (isOther) await saveCredentials(secrets, id, credentials)
    for (const { id: queuedId, start } of queued) void context.handOver(queuedId, start)
    return replyWith(changed)
  },
)

/** The answer with a provider and its version. */
export function replyWith(provider: RosterProvider): Reply {
  const headers = { ETag: createEtag(etagOf(provider)) }
  return { status: 200, headers, body: presentRosterProvider(provider) }
}

function etagOf({ version, isPaused }: RosterProvider): string {
  return isPaused ? `${version}-paused` : String(version)
}

function pickSettings(body: object): ProviderSettings {
  const names = Object.keys(providerDocument.shape)
  const members = Object.entries(body).filter(([name]) => names.includes(name))
  return providerDocument.parse(Object.fromEntries(members))
}

// Accounts carry the kind in their ids: another one would find none of them.
function throwOtherKind({ kind }: RosterProvider): never {
  const detail = `It must stay ${kind}: add another provider instead`
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: { errors: [{ pointer: '/kind', code: 'fixed', detail }] },
  })
}

function throwChanged(): never {
  throw new AppError('conflict', 'Cannot change this provider: somebody else changes it now', {
    status: 409,
  })
}

type Done = {
  readonly provider: Pick<RosterProvider, 'id' | 'tenant'>
  readonly requestId: string
}

/** The audit entry of something done to a provider. */
export function toEntry(
  principal: Principal,
  verb: string,
  { provider, requestId }: Done,
): AuditEntry {
  return {
    actor: principal.subject,
    action: `roster-provider.${verb}`,
    subject: { type: 'roster-provider', id: provider.id },
    cause: { requestId, tenant: provider.tenant },
  }
}
