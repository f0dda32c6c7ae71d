import { z } from 'zod'
import {
  guardRules,
  noTypeCounts,
  rosterRunStates,
  rosterTypes,
  runningStates,
  type RosterRunState,
  type RosterType,
} from '../../core/roster/run.ts'
import type { RosterProgress } from '../../db/roster/history.ts'
import type { RosterRun } from '../../db/roster/runs.ts'

const MS_PER_SECOND = 1_000

const typeCounts = z.object({
  fetched: z.int(),
  created: z.int(),
  updated: z.int(),
  deactivated: z.int(),
  unchanged: z.int(),
  failed: z.int(),
})

export const guardSchema = z.array(
  z.object({
    rule: z.enum(guardRules),
    type: z.enum(rosterTypes).optional(),
    school: z.string().optional(),
    count: z.number(),
    limit: z.number(),
    tripped: z.boolean(),
  }),
)

const selectionSchema = z.object({
  types: z.array(z.enum(rosterTypes)).optional(),
  schools: z.array(z.string()).optional(),
  grades: z.array(z.string()).optional(),
  roles: z.array(z.string()).optional(),
})

export const rosterRunSchema = z.object({
  syncId: z.uuid(),
  providerId: z.uuid(),
  mode: z.enum(['full', 'incremental']),
  trigger: z.enum(['manual', 'schedule', 'webhook', 'upload']),
  state: z.enum(rosterRunStates),
  dryRun: z.boolean(),
  addsOnly: z.boolean(),
  select: selectionSchema.nullable().describe('What it is limited to; null: everything'),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  pausedUntil: z.iso.datetime().nullable().describe('It waits for the end of a pause'),
  stopRequested: z.boolean(),
  counts: z.object({ users: typeCounts, schools: typeCounts, sections: typeCounts }),
  pages: z.int(),
  warnings: z.int().describe('Oddities that are no errors, such as a student whom nobody may read'),
  guard: guardSchema.describe('Every rule as it was judged; empty before'),
  planHash: z.string().nullable(),
  approvalId: z.uuid().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  progress: z
    .object({
      done: z.int(),
      total: z.int().nullable(),
      ratePerSecond: z.number().nullable(),
      etaSeconds: z.number().nullable(),
    })
    .optional()
    .describe('While it is under way: records pulled, or changes written'),
  cursorAgeSeconds: z
    .number()
    .nullable()
    .optional()
    .describe('How long ago the state was that an incremental run would begin with'),
})

const usersExample = { ...noTypeCounts, fetched: 1204, created: 12, updated: 3, unchanged: 1189 }

export const rosterRunExample = {
  syncId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  providerId: '01990a5e-1111-7000-8000-3d9b6c1f0a42',
  mode: 'full',
  trigger: 'manual',
  state: 'succeeded',
  dryRun: false,
  addsOnly: false,
  select: null,
  startedAt: '2026-01-02T03:04:05.678Z',
  endedAt: '2026-01-02T03:09:11.012Z',
  pausedUntil: null,
  stopRequested: false,
  counts: { users: usersExample, schools: noTypeCounts, sections: noTypeCounts },
  pages: 14,
  warnings: 0,
  guard: [{ rule: 'deactivations', type: 'users', count: 0, limit: 120, tripped: false }],
  planHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  approvalId: null,
} as const

type View = z.output<typeof rosterRunSchema>

/** A run as history shows it; with `standing` also how far it is. */
export function presentRosterRun(
  run: RosterRun,
  standing?: { readonly progress: RosterProgress; readonly now: Date },
): View {
  return {
    syncId: run.id,
    providerId: run.providerId,
    mode: run.mode,
    trigger: run.trigger,
    state: run.state,
    dryRun: run.dryRun,
    addsOnly: run.addsOnly,
    select: run.selection && {
      ...(run.selection.types && { types: [...run.selection.types] }),
      ...(run.selection.schools && { schools: [...run.selection.schools] }),
      ...(run.selection.grades && { grades: [...run.selection.grades] }),
      ...(run.selection.roles && { roles: [...run.selection.roles] }),
    },
    startedAt: (run.startedAt ?? run.createdAt).toISOString(),
    endedAt: run.endedAt?.toISOString() ?? null,
    pausedUntil: run.pausedUntil?.toISOString() ?? null,
    stopRequested: run.stopRequestedAt !== null,
    counts: {
      users: countsOf(run, 'users'),
      schools: countsOf(run, 'schools'),
      sections: countsOf(run, 'sections'),
    },
    pages: run.pages,
    warnings: run.warnings,
    guard: presentGuard(run),
    planHash: run.planHash,
    approvalId: run.approvalId,
    ...(run.errorCode !== null && {
      error: { code: run.errorCode, message: run.errorMessage ?? run.errorCode },
    }),
    ...(standing && presentStanding(run, standing)),
  }
}

/** The rules of the guard as they were judged. */
export function presentGuard({ guard }: Pick<RosterRun, 'guard'>): z.output<typeof guardSchema> {
  return (guard ?? []).map(({ rule, type, school, count, limit, tripped }) => ({
    rule,
    ...(type && { type }),
    ...(school !== undefined && { school }),
    count,
    limit,
    tripped,
  }))
}

/** True while the run holds its provider's lock. */
export function isUnderWay(state: RosterRunState): boolean {
  return runningStates.has(state)
}

function countsOf({ counts }: RosterRun, type: RosterType): z.output<typeof typeCounts> {
  const { fetched, created, updated, deactivated, unchanged, failed } = {
    ...noTypeCounts,
    ...counts[type],
  }
  return { fetched, created, updated, deactivated, unchanged, failed }
}

function presentStanding(
  run: RosterRun,
  { progress, now }: { readonly progress: RosterProgress; readonly now: Date },
): Pick<View, 'progress' | 'cursorAgeSeconds'> {
  const { cursorAt } = progress
  const cursorAgeSeconds = cursorAt && secondsBetween(cursorAt, now)
  if (!isUnderWay(run.state)) return { cursorAgeSeconds }
  const isApplying = run.state === 'applying'
  const done = isApplying ? progress.changes - progress.pending : progress.received
  const total = isApplying ? progress.changes : progress.expected
  const seconds = run.startedAt ? secondsBetween(run.startedAt, now) : 0
  // Of a run that applies, the time before it went into the pull.
  const ratePerSecond = isApplying || seconds === 0 ? null : round(done / seconds)
  const left = total === null ? null : Math.max(total - done, 0)
  const etaSeconds = left !== null && ratePerSecond ? Math.ceil(left / ratePerSecond) : null
  return { progress: { done, total, ratePerSecond, etaSeconds }, cursorAgeSeconds }
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, round((to.getTime() - from.getTime()) / MS_PER_SECOND))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
