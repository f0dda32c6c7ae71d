import { z } from 'zod'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { requestRosterStop } from '../../db/roster/history.ts'
import { removeRosterProvider, setProviderPaused } from '../../db/roster/providers.ts'
import { findRunningRosterRun } from '../../db/roster/runs.ts'
import { discardHeldRuns } from '../../db/roster/start.ts'
import { defineRoute, type Route } from '../guard.ts'
import { rosterProviderExample, rosterProviderSchema } from '../presenters/roster-provider.ts'
import {
  adminScope,
  getProvider,
  NO_PROVIDER,
  providerParams,
  throwNotFound,
} from '../roster-access.ts'
import { checkProvider } from '../roster-checks.ts'
import { removeCredentials } from '../roster-providers.ts'
import { signalRosterStop } from '../roster-stop.ts'
import { onePath, replyWith, shown, tags, toEntry } from './roster-providers.ts'

const endSchema = z.object({ ok: z.boolean(), detail: z.string().optional() })

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
    const doer = { actor: principal.subject, requestId }
    await removeCredentials(secretsOf(provider.tenant, doer), provider.id)
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
