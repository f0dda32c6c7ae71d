import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { Queryable } from '../db/client.ts'
import {
  findAnyRosterProvider,
  findRosterProvider,
  listRosterProviders,
  type RosterProvider,
} from '../db/roster/providers.ts'
import { findRosterReconcile, type RosterReconcile } from '../db/roster/reconciles.ts'
import { findRosterRun, type RosterRun } from '../db/roster/runs.ts'
import type { ApiContext } from './context.ts'
import type { PathRequest } from './guard.ts'

const MAX_TENANT_LENGTH = 200

const tenantId = z
  .string()
  .max(MAX_TENANT_LENGTH)
  .regex(/^\P{Cc}+$/u)
  .describe('The tenant; the token must be of the same')

export const tenantParams = z.object({ tenantId })
export const providerParams = z.object({ tenantId, providerId: z.uuid() })
export const runParams = z.object({ tenantId, syncId: z.uuid() })

export const reconcileParams = z.object({ tenantId, reconcileId: z.uuid() })

export const readScope = { anyScope: ['roster:read'] } as const
export const syncScope = { anyScope: ['roster:sync'] } as const
export const adminScope = { anyScope: ['roster:admin'] } as const
export const approveScope = { anyScope: ['roster:approve'] } as const

export const NO_PROVIDER = 'There is no such provider, or the token is of another tenant'
export const NO_REPORT = 'There is no such report, or the token is of another tenant'
export const NEEDS_PROVIDER =
  'A field breaks a rule, or the tenant has several providers and none is named'
export const NO_RUN = 'There is no such run, or the token is of another tenant'
export const NO_TENANT = 'The token is of another tenant'
export const NOT_ITS_PROVIDER =
  'The token is of another tenant, or the tenant never had this provider'

/** The tenant's provider; throws `not_found` (404). */
export async function getProvider(
  db: Queryable,
  { tenantId: tenant, providerId: id }: z.output<typeof providerParams>,
): Promise<RosterProvider> {
  return (await findRosterProvider(db, { tenant, id })) ?? throwNoSuch()
}

/** The provider that a request names, or the only one; throws 404, or 422 where several are there. */
export async function chooseProvider(
  db: Queryable,
  given: { readonly tenantId: string; readonly providerId?: string | undefined },
): Promise<RosterProvider> {
  const { tenantId, providerId } = given
  if (providerId !== undefined) return await getProvider(db, { tenantId, providerId })
  const [only, ...others] = await listRosterProviders(db, { tenant: tenantId, limit: 2 })
  if (!only) return throwNone()
  if (others.length === 0) return only
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: {
      errors: [
        { pointer: '/providerId', code: 'required', detail: 'The tenant has several: name one' },
      ],
    },
  })
}

function throwNoSuch(): never {
  throw new AppError(
    'not_found',
    'Cannot find this provider: the tenant has none of this id ("registrar provider list" shows them)',
    { status: 404 },
  )
}

function throwNone(): never {
  throw new AppError(
    'not_found',
    'Cannot choose a provider: the tenant has none yet ("registrar provider add" adds one)',
    { status: 404 },
  )
}

/** Refuses what is asked of one provider that the tenant never had (404); of a removed one there is history. */
export async function assertOwnProvider(
  db: Queryable,
  { tenantId, providerId }: { readonly tenantId: string; readonly providerId?: string | undefined },
): Promise<void> {
  if (providerId === undefined) return
  if ((await findAnyRosterProvider(db, providerId))?.tenant !== tenantId) throwNoSuch()
}

/** The tenant's run; throws `not_found` (404). */
export async function getRun(
  db: Queryable,
  { tenantId: tenant, syncId }: z.output<typeof runParams>,
): Promise<RosterRun> {
  const run = await findRosterRun(db, syncId)
  return run?.tenant === tenant ? run : throwNoRun()
}

function throwNoRun(): never {
  throw new AppError(
    'not_found',
    'Cannot find this run: the tenant has none of this id ("registrar sync history" shows them)',
    { status: 404 },
  )
}

/** The tenant's report on a target; throws `not_found` (404). */
export async function getRosterReconcile(
  db: Queryable,
  { tenantId: tenant, reconcileId }: z.output<typeof reconcileParams>,
): Promise<RosterReconcile> {
  const report = await findRosterReconcile(db, reconcileId)
  return report?.tenant === tenant ? report : throwNotFound()
}

/** Refuses what names no provider of the tenant, before the body is looked at. */
export async function assertProvider(
  { params }: PathRequest<z.output<typeof providerParams>>,
  { db }: Pick<ApiContext, 'db'>,
): Promise<void> {
  await getProvider(db, params)
}

/** Refuses what names no run of the tenant, before the body is looked at. */
export async function assertRun(
  { params }: PathRequest<z.output<typeof runParams>>,
  { db }: Pick<ApiContext, 'db'>,
): Promise<void> {
  await getRun(db, params)
}

/** Ends a request for what is not there, or not of this tenant. */
export function throwNotFound(): never {
  throw new AppError('not_found', 'Cannot find what this path names', { status: 404 })
}
