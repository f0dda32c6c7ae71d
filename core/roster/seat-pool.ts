import { z } from 'zod'
import { addGrace } from './seat-grace.ts'

const MAX_SEATS = 100_000_000
const MAX_PERCENT = 1_000
const MAX_DAYS = 3_650
const MAX_NAMES = 10_000
const MAX_PRIORITIES = 100
const MAX_PRIORITY = 1_000_000
const MS_PER_DAY = 86_400_000
// Twenty percent of 5 is 1, whatever binary fractions make of it.
const EPSILON = 1e-9

/** What becomes of people beyond the limit. */
export const seatPolicies = ['hard', 'waitlist', 'overage', 'grace'] as const

/** The priority of whom no entry of `priorities` names. */
export const DEFAULT_PRIORITY = 100

const seatCount = z.int().min(0).max(MAX_SEATS)
const name = z.string().min(1).max(255)
const names = z.array(name).max(MAX_NAMES)
const grades = names.min(1)

const ruleSchema = z.strictObject({
  schools: names.optional(),
  grades: names.optional(),
  courses: names.optional(),
  roles: names.optional(),
  terms: names.optional(),
})

const overLimitSchema = z
  .strictObject({
    policy: z.enum(seatPolicies),
    maxPercent: z.number().min(0).max(MAX_PERCENT).optional(),
    days: z.int().min(1).max(MAX_DAYS).optional(),
  })
  .refine(({ policy, maxPercent }) => policy !== 'overage' || maxPercent !== undefined, {
    path: ['maxPercent'],
    message: 'The policy "overage" needs it',
  })
  .refine(({ policy, days }) => policy !== 'grace' || days !== undefined, {
    path: ['days'],
    message: 'The policy "grace" needs it',
  })

/** The settings of a pool of seats, as they are put and read back. */
export const seatPoolSchema = z
  .strictObject({
    capacity: seatCount,
    reservations: z
      .record(name, seatCount)
      .default({})
      .describe('By id of the school: seats that nobody of another school gets'),
    rule: ruleSchema
      .default({})
      .describe('Which enrollments qualify; a list that is absent or empty limits nothing'),
    overLimit: overLimitSchema.default({ policy: 'hard' }),
    releaseGrace: z
      .string()
      .refine((text) => addGrace(new Date(0), text) !== undefined, {
        message: 'It must be an ISO 8601 duration such as P14D',
      })
      .default('P14D'),
    priorities: z
      .array(z.strictObject({ grades, priority: z.int().min(-MAX_PRIORITY).max(MAX_PRIORITY) }))
      .max(MAX_PRIORITIES)
      .default([])
      .describe('Lowest first; 100 for whom no entry names, the lowest of several entries'),
  })
  .refine((pool) => sumOf(pool.reservations) <= pool.capacity, {
    path: ['reservations'],
    message: 'They must not be more than the capacity in all',
    when: ({ issues }) => issues.length === 0,
  })
export type SeatPoolSettings = z.output<typeof seatPoolSchema>

/** How many seats there may be: the capacity, and what the policy allows on top of it. */
export function seatLimit({ capacity, overLimit }: SeatPoolSettings): number {
  if (overLimit.policy !== 'overage') return capacity
  return capacity + Math.floor((capacity * (overLimit.maxPercent ?? 0)) / 100 + EPSILON)
}

/** When a seat ends whose release begins now. */
export function releaseEnd({ releaseGrace }: SeatPoolSettings, now: Date): Date {
  return addGrace(now, releaseGrace) ?? now
}

/** Until when whoever begins to wait now may use the product; undefined where they may not. */
export function overLimitEnd({ overLimit }: SeatPoolSettings, now: Date): Date | undefined {
  if (overLimit.policy !== 'grace' || overLimit.days === undefined) return undefined
  return new Date(now.getTime() + overLimit.days * MS_PER_DAY)
}

/** True where those for whom there is no seat are kept in order. */
export function keepsWaiting({ overLimit }: SeatPoolSettings): boolean {
  return overLimit.policy === 'waitlist' || overLimit.policy === 'grace'
}

function sumOf(reservations: Readonly<Record<string, number>>): number {
  return Object.values(reservations).reduce((sum, seats) => sum + seats, 0)
}
