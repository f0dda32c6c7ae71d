import { z } from 'zod'
import type { Config } from '../../config/config.ts'
import type { Reconcile } from '../../db/profile/reconciles.ts'
import type { DeadLetter, SinkStatus } from '../../db/profile/sinks.ts'

export const sinkSchema = z.object({
  name: z.string(),
  kind: z.string(),
  state: z
    .enum(['active', 'paused', 'disabled'])
    .describe('`disabled`: a webhook that was gone (410) or has failed for five days; resume it'),
  pausedAt: z.iso.datetime().nullable(),
  behind: z.int().describe('Persons of whom it lacks the newest state'),
  deadLetters: z.int(),
})
export const sinkExample = {
  name: 'directory',
  kind: 'ldap',
  state: 'active',
  pausedAt: null,
  behind: 0,
  deadLetters: 2,
} as const

export const deadLetterSchema = z.object({
  id: z.uuid(),
  sink: z.string(),
  serial: z.int().nullable().describe('Null for an event, which belongs to no change'),
  code: z.string().describe('Why it failed for good; `expired` after 24 hours of attempts'),
  attempts: z.int(),
  at: z.iso.datetime(),
})
export const deadLetterExample = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  sink: 'auth0',
  serial: 4711,
  code: 'unknown_user',
  attempts: 1,
  at: '2026-01-02T03:04:05.678Z',
}

export const reconcileSchema = z.object({
  id: z.uuid(),
  sink: z.string(),
  state: z.enum(['running', 'succeeded', 'failed']),
  repair: z.boolean(),
  counts: z.object({
    same: z.int(),
    different: z.int(),
    missing: z.int(),
    extra: z.int(),
    failed: z.int(),
  }),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
})
export const reconcileExample = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  sink: 'directory',
  state: 'succeeded',
  repair: false,
  counts: { same: 998, different: 1, missing: 1, extra: 0, failed: 0 },
  startedAt: '2026-01-02T03:04:05.678Z',
  endedAt: '2026-01-02T03:05:05.678Z',
} as const

/** A sink with what is known of it. */
export function presentSink(
  sink: Config['sinks'][number],
  status: SinkStatus | undefined,
): z.output<typeof sinkSchema> {
  const pausedAt = status?.pausedAt?.toISOString() ?? null
  return {
    name: sink.name,
    kind: sink.kind,
    state: toState(status),
    pausedAt,
    behind: status?.behind ?? 0,
    deadLetters: status?.deadLetters ?? 0,
  }
}

function toState(status: SinkStatus | undefined): z.output<typeof sinkSchema>['state'] {
  if (status?.pausedAt) return 'paused'
  return status?.isDisabled === true ? 'disabled' : 'active'
}

/** A dead letter: whose it is stays in the vault. */
export function presentDeadLetter(letter: DeadLetter): z.output<typeof deadLetterSchema> {
  return { ...letter, at: letter.at.toISOString() }
}

/** A report on a comparison. */
export function presentReconcile(reconcile: Reconcile): z.output<typeof reconcileSchema> {
  const { id, sink, state, repair, same, different, missing, extra, failed } = reconcile
  return {
    id,
    sink,
    state,
    repair,
    counts: { same, different, missing, extra, failed },
    startedAt: reconcile.startedAt.toISOString(),
    endedAt: reconcile.endedAt?.toISOString() ?? null,
  }
}
