import { z } from 'zod'
import { checkTemporal } from '../../connectors/temporal.ts'
import { AppError } from '../../core/errors.ts'
import { listPendingMigrations } from '../../db/migrate.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { toAppError } from '../problem.ts'

type Check = { readonly ok: boolean; readonly code?: string; readonly detail?: string }

const DEADLINE_MS = 2_000
const TEMPORAL_DEADLINE_MS = 1_000
const RETRY_AFTER_SECONDS = 2

const checkSchema = z.object({
  ok: z.boolean(),
  code: z.string().optional(),
  detail: z.string().optional(),
})
const checksSchema = z.object({
  postgres: checkSchema,
  migrations: checkSchema,
  temporal: checkSchema,
  jwks: checkSchema,
})
const ok = { ok: true } as const

/** `GET /readyz`: whether all that requests need is there; 503 names what is not. */
export const getReadiness = defineRoute(
  {
    method: 'GET',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Tells whether requests can be served',
    tags: ['operation'],
    auth: 'public',
    rateLimited: false,
    responses: {
      200: {
        description: 'All parts can be reached',
        schema: z.object({ status: z.literal('ok'), checks: checksSchema }),
        example: {
          status: 'ok',
          checks: { postgres: ok, migrations: ok, temporal: ok, jwks: ok },
        },
      },
    },
    errors: { 503: 'A part cannot be reached; the member `checks` says which' },
  },
  async (_, context) => {
    const checks = await runChecks(context)
    const failed = Object.entries(checks).filter(([, check]) => !check.ok)
    if (failed.length === 0) return { status: 200, body: { status: 'ok', checks } }
    const names = failed.map(([name]) => name).join(', ')
    throw new AppError('not_ready', `Cannot serve requests now: ${names} not ready`, {
      status: 503,
      expose: true,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      details: { members: { checks } },
    })
  },
)

async function runChecks(context: ApiContext): Promise<Record<string, Check>> {
  const { db, temporal, tokens } = context
  const [postgres, migrations, engine, jwks] = await Promise.all([
    check(async () => await db.query('select 1')),
    check(async () => await assertMigrated(context)),
    check(async () => {
      if (!temporal) throwNoTemporal()
      await checkTemporal(temporal, { deadlineMs: TEMPORAL_DEADLINE_MS })
    }),
    check(async () => await tokens.check()),
  ])
  return { postgres, migrations, temporal: engine, jwks }
}

async function check(work: () => Promise<unknown>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(createTooSlow()), DEADLINE_MS)
  })
  try {
    await Promise.race([work(), deadline])
    return ok
  } catch (error) {
    const { code, expose, message } = toAppError(error)
    return { ok: false, code, ...(expose ? { detail: message } : {}) }
  } finally {
    clearTimeout(timer)
  }
}

async function assertMigrated({ db }: ApiContext): Promise<void> {
  const pending = await listPendingMigrations(db)
  if (pending.length === 0) return
  throw new AppError(
    'migrations_pending',
    `Cannot use the database: it lacks ${pending.join(', ')}; run "registrar migrate"`,
    { status: 503, expose: true },
  )
}

function throwNoTemporal(): never {
  throw new AppError(
    'temporal_unconfigured',
    'Cannot reach Temporal: TEMPORAL_ADDRESS is not set',
    {
      status: 503,
      expose: true,
    },
  )
}

function createTooSlow(): AppError {
  return new AppError('too_slow', 'Cannot tell: no answer in time', { status: 503, expose: true })
}
