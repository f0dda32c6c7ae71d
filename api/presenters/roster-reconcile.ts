import { z } from 'zod'
import { rosterTypes } from '../../core/roster/run.ts'
import type { RosterReconcile } from '../../db/roster/reconciles.ts'

/** A report on a target as the API shows it. */
export const rosterReconcileSchema = z.object({
  id: z.uuid(),
  providerId: z.uuid(),
  state: z.enum(['running', 'succeeded', 'failed', 'stopped']),
  repair: z.boolean(),
  counts: z.object({
    compared: z.int().describe('Accounts of ours that were looked at'),
    groups: z.int().describe('Groups of ours that were looked at; the others count both'),
    missing: z.int().describe('Not there any more'),
    differs: z.int().describe('Otherwise than it was applied'),
    inactive: z.int().describe('Not active, though it should be'),
    unexpected: z.int().describe('Carries an externalId of the provider, but was never applied'),
    repaired: z.int(),
    failed: z.int().describe('Refused by the target when it was to be repaired'),
  }),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  error: z.object({ code: z.string() }).optional(),
})
export const rosterReconcileExample = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  providerId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a43',
  state: 'succeeded',
  repair: true,
  counts: {
    compared: 2_400,
    groups: 310,
    missing: 1,
    differs: 2,
    inactive: 0,
    unexpected: 0,
    repaired: 3,
    failed: 0,
  },
  startedAt: '2026-01-02T03:04:05.678Z',
  endedAt: '2026-01-02T03:04:25.678Z',
} as const

/** An entry of a report: ids and names of fields, never what differs. */
export const rosterDriftSchema = z.object({
  type: z
    .enum([...rosterTypes, 'groups'])
    .describe('`groups`: of a group that was never applied, so that nobody knows what it is of'),
  id: z.string().describe("The source's id; of what is unexpected, the target's"),
  kind: z.enum(['missing', 'differs', 'inactive', 'unexpected']),
  fields: z.array(z.string()),
  outcome: z
    .enum(['found', 'repaired', 'failed', 'left'])
    .describe('`left`: it is not ours to be written'),
  code: z.string().nullable().describe('Why it failed'),
})
export const rosterDriftExample = {
  type: 'users',
  id: 'S-1041',
  kind: 'differs',
  fields: ['name.familyName'],
  outcome: 'repaired',
  code: null,
} as const

/** A report on a target. */
export function presentRosterReconcile(
  report: RosterReconcile,
): z.output<typeof rosterReconcileSchema> {
  const { id, providerId, state, repair, errorCode } = report
  const { compared, groups, missing, differs, inactive, unexpected, repaired, failed } = report
  return {
    id,
    providerId,
    state,
    repair,
    counts: { compared, groups, missing, differs, inactive, unexpected, repaired, failed },
    startedAt: report.startedAt.toISOString(),
    endedAt: report.endedAt?.toISOString() ?? null,
    ...(errorCode !== null && { error: { code: errorCode } }),
  }
}
