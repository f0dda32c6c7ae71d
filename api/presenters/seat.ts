import { z } from 'zod'
import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import type { CountedSeatPool } from '../../db/roster/seat-pools.ts'
import type { SchoolSeats, SeatItem } from '../../db/roster/seats.ts'

export const seatPoolExample = {
  capacity: 100,
  reservations: { '58da8c63d7dc0ca068002a0c': 20 },
  rule: { roles: ['student'], grades: ['9', '10', '11', '12'] },
  overLimit: { policy: 'waitlist' },
  releaseGrace: 'P14D',
  priorities: [{ grades: ['12'], priority: 1 }],
} as const

const counts = {
  assigned: z.int().describe('Active seats, and those that are being released'),
  waiting: z.int(),
}

export const productSchema = z.object({ product: z.string(), ...seatPoolSchema.shape, ...counts })
export const productExample = {
  product: 'math-practice',
  ...seatPoolExample,
  assigned: 98,
  waiting: 0,
} as const

const seatSchema = z.object({
  id: z.string().describe('The same as `externalId`'),
  externalId: z.string().describe('By which the target knows the person'),
  state: z.enum(['active', 'releasing', 'waiting']),
  school: z.string().describe('The source’s id of the school whose reservation it counts for'),
  enrolledAt: z.iso.datetime(),
  priority: z.int(),
  releaseAt: z.iso.datetime().nullable().describe('When a seat that is being released ends'),
  overUntil: z.iso
    .datetime()
    .nullable()
    .describe('Of who waits by the policy `grace`: until when they may use the product'),
})
const seatExample = {
  id: 'clever:58da8c63d7dc0ca0680018a1',
  externalId: 'clever:58da8c63d7dc0ca0680018a1',
  state: 'active',
  school: '58da8c63d7dc0ca068002a0c',
  enrolledAt: '2026-08-17T00:00:00.000Z',
  priority: 100,
  releaseAt: null,
  overUntil: null,
} as const

export const seatsSchema = z.object({
  capacity: z.int(),
  ...counts,
  items: z.array(seatSchema),
  next: z.string().nullable(),
})
export const seatsExample = {
  capacity: 100,
  assigned: 98,
  waiting: 0,
  items: [seatExample],
  next: null,
} as const

export const schoolSeatsSchema = z.object({
  school: z.string(),
  name: z.string().nullable().describe('null for a school that no roster of the tenant has'),
  reserved: z.int(),
  active: z.int(),
  releasing: z.int(),
  waiting: z.int(),
})
export const schoolSeatsExample = {
  school: '58da8c63d7dc0ca068002a0c',
  name: 'Spring Valley High',
  reserved: 20,
  active: 17,
  releasing: 1,
  waiting: 0,
} as const

/** A product with its settings and counts. */
export function presentProduct(pool: CountedSeatPool): z.output<typeof productSchema> {
  const { product, settings, assigned, waiting } = pool
  return { product, ...settings, assigned, waiting }
}

/** A seat, or a place in the queue. */
export function presentSeat(seat: SeatItem): z.output<typeof seatSchema> {
  const { externalId, state, school, enrolledAt, priority, releaseAt, overUntil } = seat
  return {
    id: externalId,
    externalId,
    state,
    school,
    enrolledAt: enrolledAt.toISOString(),
    priority,
    releaseAt: releaseAt?.toISOString() ?? null,
    overUntil: overUntil?.toISOString() ?? null,
  }
}

/** The seats of a school. */
export function presentSchoolSeats(seats: SchoolSeats): z.output<typeof schoolSeatsSchema> {
  const { school, name, reserved, active, releasing, waiting } = seats
  return { school, name, reserved, active, releasing, waiting }
}
