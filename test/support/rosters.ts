import { randomUUID } from 'node:crypto'
import type { GuardJudgement, RosterRunState } from '../../core/roster/run.ts'
import type { Database } from '../../db/client.ts'
import type { TestApi } from './http.ts'

/** Every scope that routes of rosters ask for. */
export const ROSTER_SCOPES = 'roster:read roster:sync roster:admin roster:approve audit:read'

export type TenantCall = {
  readonly method?: string
  readonly json?: unknown
  readonly scope?: string
  readonly subject?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Of the token; the one that the caller was made for unless said. */
  readonly tenant?: string
}

export type TenantCaller = (path: string, options?: TenantCall) => Promise<Response>

/** Calls the API with tokens of one tenant that hold every scope of rosters. */
export function createTenantCaller(api: TestApi, tenant: string): TenantCaller {
  return async (path, options = {}) => {
    const { method = 'GET', json, scope = ROSTER_SCOPES, subject = 'operator', headers } = options
    const token = await api.token(scope, { subject, tenant: options.tenant ?? tenant })
    return await api.call(path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
  }
}

/** The settings of a provider with made-up secrets; nothing answers at its addresses. */
export function createProviderBody(change: object = {}): Record<string, unknown> {
  return {
    name: 'Spring Valley',
    kind: 'clever',
    baseUrl: 'https://clever.example/v3.1',
    auth: { type: 'bearer', token: 'district-token-1' },
    schedule: null,
    scim: {
      baseUrl: `https://scim.example/${randomUUID()}`,
      auth: { type: 'bearer', token: 'target-token-1' },
    },
    ...change,
  }
}

/** Adds a provider by the API and answers its id. */
export async function addProvider(
  call: TenantCaller,
  tenant: string,
  change = {},
): Promise<string> {
  const json = createProviderBody(change)
  const response = await call(`/tenants/${tenant}/providers`, { method: 'POST', json })
  if (response.status !== 201) throw new Error(await response.text())
  return ((await response.json()) as { id: string }).id
}

export type RunState = {
  readonly state: RosterRunState
  readonly planHash?: string
  readonly approvalId?: string
  readonly guard?: readonly GuardJudgement[]
}

/** Puts a run into a state, as its workflow would. */
export async function setRunState(db: Database, id: string, run: RunState): Promise<void> {
  await db.query(
    `update roster_runs set state = $2::text, plan_hash = coalesce($3::text, plan_hash),
       approval_id = coalesce($4::uuid, approval_id), guard = coalesce($5::jsonb, guard),
       started_at = coalesce(started_at, now()),
       ended_at = case when $2::text in ('queued', 'pulling', 'planning', 'applying', 'held')
         then null else now() end
     where id = $1::uuid`,
    [
      id,
      run.state,
      run.planHash ?? null,
      run.approvalId ?? null,
      run.guard ? JSON.stringify(run.guard) : null,
    ],
  )
}
