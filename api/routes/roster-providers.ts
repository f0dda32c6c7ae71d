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
import { requestRosterStop } from '../../db/roster/history.ts'
import {
  insertRosterProvider,
  listRosterProviders,
  lockTenant,
  removeRosterProvider,
  setProviderPaused,
  updateRosterProvider,
  type RosterProvider,
} from '../../db/roster/providers.ts'
import { findRunningRosterRun } from '../../db/roster/runs.ts'
import { discardHeldRuns } from '../../db/roster/start.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute, type Reply, type Route } from '../guard.ts'
import { pageOf, pageQuery, replyWithPage } from '../page.ts'
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
  throwNotFound,
} from '../roster-access.ts'
import {
  assertOwnTarget,
  judgeSettings,
  loadCredentials,
  removeCredentials,
  saveCredentials,
} from '../roster-providers.ts'
import { checkProvider } from '../roster-checks.ts'
import { signalRosterStop } from '../roster-stop.ts'

const tags = ['rosters']
const path = '/tenants/{tenantId}/providers'
const onePath = `${path}/{providerId}`
const position = z.object({ createdAt: z.iso.datetime(), id: z.uuid() })
const shown = { ETag: 'Its version' }
const SHARED =
  'Another provider of the tenant writes to this target; `scim.externalIdPrefix` parts them'
const UNFIT =
  'A field is unknown or breaks a rule, an address must not be called, or a mask stands for nothing'
const SECRETS =
  'Secrets (`token`, `clientSecret`, `consumerSecret`) are kept in the store of secrets, and read ' +
  'back as `********`.'

const endSchema = z.object({ ok: z.boolean(), detail: z.string().optional() })

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
    const items = found.slice(0, query.limit)
    const last = found.length > query.limit ? items.at(-1) : undefined
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
    const secrets = secretsOf(tenant)
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
      `${SECRETS} A secret sent as \`********\` stays what it is. The next run is a full one. ` +
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
    const secrets = secretsOf(provider.tenant)
    const { id, tenant, version } = provider
    const ifMatch = headers['if-match']
    if (ifMatch !== undefined) assertIfMatch(ifMatch, createEtag(etagOf(provider)))
    const stored = await loadCredentials(secrets, id)
    const { settings, credentials } = await judgeSettings(context, pickSettings(body), stored)
    const isOther = !isDeepStrictEqual(stored, credentials)
    if (!isOther && isDeepStrictEqual(settings, provider.settings)) return replyWith(provider)
    const changed = await withTransaction(db, async (tx) => {
      await lockTenant(tx, tenant)
      await assertOwnTarget(tx, context, { id, tenant, settings })
      const updated = await updateRosterProvider(tx, { id, tenant, version, settings })
      if (!updated) throwChanged()
      await appendAudit(tx, [toEntry(principal, 'changed', { provider: updated, requestId })])
      return updated
    })
    if (isOther) await saveCredentials(secrets, id, credentials)
    return replyWith(changed)
  },
)

/** `DELETE /tenants/{tenantId}/providers/{providerId}`: ends it; history and audit stay. */
export const deleteProvider = defineRoute(
  {
    method: 'DELETE',
    path: onePath,
    operationId: 'deleteRosterProvider',
    summary: 'Removes a provider, its secrets and its schedules',
    description:
      'A run under way is stopped, a held one discarded. Accounts stay as they are; history and ' +
      'audit entries are kept.',
    tags,
    auth: adminScope,
    params: providerParams,
    ofTenant: true,
    responses: { 204: { description: 'It is gone' } },
    errors: { 404: NO_PROVIDER },
  },
  async ({ principal, params, requestId }, context) => {
    const { db, secretsOf, handOver } = context
    const provider = await getProvider(db, params)
    const { running, queued } = await withTransaction(db, async (tx) => {
      if (!(await removeRosterProvider(tx, provider))) throwNotFound()
      const by = { startedBy: principal.subject, requestId }
      const discarded = await discardHeldRuns(tx, provider, by)
      const run = await findRunningRosterRun(tx, provider.id)
      if (run) await requestRosterStop(tx, run.id)
      await appendAudit(tx, [toEntry(principal, 'removed', { provider, requestId })])
      return { running: run, queued: discarded }
    })
    for (const { id, start } of queued) void handOver(id, start)
    if (running) await signalRosterStop(context, running.id)
    await removeCredentials(secretsOf(provider.tenant), provider.id)
    return { status: 204 }
  },
)

/** `POST …/test`: tries the source and the target. */
export const testProvider = defineRoute(
  {
    method: 'POST',
    path: `${onePath}/test`,
    operationId: 'testRosterProvider',
    summary: 'Tries both ends of a provider',
    description: 'With the stored credentials. Nothing is written.',
    tags,
    auth: adminScope,
    params: providerParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'What came of it; `detail` says what is wrong',
        schema: z.object({ source: endSchema, target: endSchema }),
        example: {
          source: { ok: true },
          target: {
            ok: false,
            detail: 'target_unauthorized: Cannot call the target: it refuses the token',
          },
        },
      },
    },
    errors: { 404: NO_PROVIDER },
  },
  async ({ params }, context) => ({
    status: 200,
    body: await checkProvider(context, await getProvider(context.db, params)),
  }),
)

/** `POST …/pause` and `…/resume`: whether the provider starts runs by itself. */
export const providerSwitches: readonly Route[] = [
  createSwitch('pause', 'Lets a provider start nothing by itself'),
  createSwitch('resume', 'Lets a provider start runs by itself again'),
]

function createSwitch(verb: 'pause' | 'resume', summary: string): Route {
  return defineRoute(
    {
      method: 'POST',
      path: `${onePath}/${verb}`,
      operationId: `${verb}RosterProvider`,
      summary,
      description:
        'Schedules and webhooks; a run under way goes on, and runs can be started by hand.',
      tags,
      auth: adminScope,
      params: providerParams,
      ofTenant: true,
      responses: {
        200: {
          description: 'The provider as it is now',
          schema: rosterProviderSchema,
          example: rosterProviderExample,
          headers: shown,
        },
      },
      errors: { 404: NO_PROVIDER },
    },
    async ({ principal, params, requestId }, { db }) => {
      const key = { tenant: params.tenantId, id: params.providerId }
      const provider = await withTransaction(db, async (tx) => {
        const isPaused = verb === 'pause'
        const changed = (await setProviderPaused(tx, { ...key, isPaused })) ?? throwNotFound()
        await appendAudit(tx, [toEntry(principal, `${verb}d`, { provider: changed, requestId })])
        return changed
      })
      return replyWith(provider)
    },
  )
}

function replyWith(provider: RosterProvider): Reply {
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

function throwChanged(): never {
  throw new AppError('conflict', 'Cannot change this provider: somebody else changes it now', {
    status: 409,
  })
}

type Done = {
  readonly provider: Pick<RosterProvider, 'id' | 'tenant'>
  readonly requestId: string
}

function toEntry(principal: Principal, verb: string, { provider, requestId }: Done): AuditEntry {
  return {
    actor: principal.subject,
    action: `roster-provider.${verb}`,
    subject: { type: 'roster-provider', id: provider.id },
    cause: { requestId, tenant: provider.tenant },
  }
}
