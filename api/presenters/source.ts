import { z } from 'zod'
import type { Config } from '../../config/config.ts'
import type { SourceFailure, SourceItemView } from '../../db/source/items.ts'
import type { SourceRun } from '../../db/source/runs.ts'

const counts = z.object({
  read: z.int(),
  created: z.int(),
  updated: z.int(),
  deactivated: z.int(),
  unchanged: z.int(),
  failed: z.int(),
})

export const sourceRunSchema = z.object({
  id: z.uuid(),
  source: z.string(),
  publisher: z.string(),
  mode: z.enum(['full', 'incremental']),
  dryRun: z.boolean(),
  state: z.enum([
    'queued',
    'reading',
    'comparing',
    'posting',
    'held',
    'succeeded',
    'partial',
    'failed',
    'discarded',
  ]),
  counts: counts.describe('Until everything is posted, what it would do'),
  hold: z
    .object({
      reason: z.enum(['empty', 'shrunk', 'leavers', 'unreadable']),
      read: z.int(),
      unreadable: z.int(),
      readBefore: z.int(),
      known: z.int(),
      leavers: z.int(),
      limit: z.number(),
    })
    .nullable()
    .describe("The guard's judgement, where it asked for a decision"),
  failures: z
    .array(
      z.object({
        record: z.int().nullable().describe('The row in the source, from 1; null for a leaver'),
        key: z.string().nullable().describe('What the person is found by'),
        code: z.string(),
      }),
    )
    .describe('Persons who were left out, the first 100'),
  approvalId: z.uuid().nullable(),
  errorCode: z.string().nullable(),
  startedBy: z.string(),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
})
export const sourceRunExample = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  source: 'staff-report',
  publisher: 'hris',
  mode: 'full',
  dryRun: false,
  state: 'held',
  counts: { read: 0, created: 0, updated: 0, deactivated: 412, unchanged: 0, failed: 0 },
  hold: {
    reason: 'empty',
    read: 0,
    unreadable: 0,
    readBefore: 412,
    known: 412,
    leavers: 412,
    limit: 20.6,
  },
  failures: [],
  approvalId: '01990a5e-3a11-7000-8000-3d9b6c1f0a42',
  errorCode: null,
  startedBy: 'schedule',
  createdAt: '2026-01-02T03:04:05.678Z',
  endedAt: null,
} as const

export const sourceSchema = z.object({
  name: z.string(),
  kind: z.string(),
  publisher: z.string(),
  every: z.string().nullable(),
  lastRun: sourceRunSchema.nullable(),
})
export const sourceExample = {
  name: 'staff-report',
  kind: 'hris',
  publisher: 'hris',
  every: '0 2 * * * Europe/Paris',
  lastRun: sourceRunExample,
} as const

export const sourceItemSchema = z.object({
  item: z.int(),
  record: z.int().nullable(),
  key: z.string(),
  condition: z.enum(['create', 'update', 'deactivate']),
  changed: z.array(z.string()).describe('Names of attributes; empty once it is settled'),
  state: z.enum(['pending', 'done', 'unchanged', 'failed']),
  code: z.string().nullable(),
})
export const sourceItemExample = {
  item: 1,
  record: 17,
  key: 'pat@example.org',
  condition: 'update',
  changed: ['staff_information.team'],
  state: 'pending',
  code: null,
} as const

/** A source with its newest run. */
export function presentSource(
  { name, kind, publisher, every }: Config['sources'][number],
  lastRun: SourceRun | undefined,
): z.output<typeof sourceSchema> {
  return {
    name,
    kind,
    publisher,
    every: every ?? null,
    lastRun: lastRun ? presentSourceRun(lastRun) : null,
  }
}

/** A run with the persons who were left out. */
export function presentSourceRun(
  run: SourceRun,
  failures: readonly SourceFailure[] = [],
): z.output<typeof sourceRunSchema> {
  const { id, source, publisher, mode, dryRun, state, hold, approvalId, errorCode } = run
  const { read, created, updated, deactivated, unchanged, failed } = run
  return {
    id,
    source,
    publisher,
    mode,
    dryRun,
    state,
    counts: { read, created, updated, deactivated, unchanged, failed },
    hold,
    failures: [...failures],
    approvalId,
    errorCode,
    startedBy: run.startedBy,
    createdAt: run.createdAt.toISOString(),
    endedAt: run.endedAt?.toISOString() ?? null,
  }
}

/** What a run does to one person, without what it changes to. */
export function presentSourceItem(item: SourceItemView): z.output<typeof sourceItemSchema> {
  return { ...item, changed: [...item.changed] }
}
