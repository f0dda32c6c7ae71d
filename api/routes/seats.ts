import { z } from 'zod'
import {
  listSchoolSeats,
  listSeats,
  type SeatItem,
  type SeatPosition,
} from '../../db/roster/seats.ts'
import { defineRoute } from '../guard.ts'
import { createNextLink, cutPage, pageOf, pageQuery } from '../page.ts'
import {
  presentSchoolSeats,
  presentSeat,
  schoolSeatsExample,
  schoolSeatsSchema,
  seatsExample,
  seatsSchema,
} from '../presenters/seat.ts'
import { getSeatPool, NO_PRODUCT, productParams, toKey } from './products.ts'

const auth = { anyScope: ['roster:read'] } as const
const tags = ['seats']
const position = z.object({
  isWaiting: z.boolean(),
  priority: z.int(),
  enrolledAt: z.iso.datetime(),
  externalId: z.string(),
  providerId: z.uuid(),
  userId: z.string(),
})

/** `GET /tenants/{tenantId}/products/{product}/seats`: who holds a seat, and who waits. */
export const getSeats = defineRoute(
  {
    method: 'GET',
    path: '/tenants/{tenantId}/products/{product}/seats',
    operationId: 'listSeats',
    summary: 'Who holds a seat of a product, then who waits, in order',
    tags,
    auth,
    params: productParams,
    ofTenant: true,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of seats; the counts are of the whole product',
        schema: seatsSchema,
        example: seatsExample,
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NO_PRODUCT },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const key = toKey(params)
    const { settings, assigned, waiting } = await getSeatPool(db, key)
    const scope = `seats ${JSON.stringify([key.tenant, key.product])}`
    const after = query.cursor ? position.parse(cursors.open(scope, query.cursor)) : undefined
    const found = await listSeats(db, key, { after, limit: query.limit + 1 })
    const { items: seats, last } = cutPage(found, query.limit)
    const next = last && cursors.sign(scope, toPosition(last))
    return {
      status: 200,
      headers: next === undefined ? {} : { Link: createNextLink(url, next) },
      body: {
        capacity: settings.capacity,
        assigned,
        waiting,
        items: seats.map(presentSeat),
        next: next ?? null,
      },
    }
  },
)

/** `GET /tenants/{tenantId}/products/{product}/schools`: the seats of each school. */
export const getSchoolSeats = defineRoute(
  {
    method: 'GET',
    path: '/tenants/{tenantId}/products/{product}/schools',
    operationId: 'listSchoolSeats',
    summary: 'The seats of a product by school',
    tags,
    auth,
    params: productParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'Every school that has a reservation, a seat or somebody who waits',
        schema: pageOf(schoolSeatsSchema),
        example: { items: [schoolSeatsExample], next: null },
      },
    },
    errors: { 404: NO_PRODUCT },
  },
  async ({ params }, { db }) => {
    const key = toKey(params)
    await getSeatPool(db, key)
    const schools = await listSchoolSeats(db, key)
    return { status: 200, body: { items: schools.map(presentSchoolSeats), next: null } }
  },
)

function toPosition(seat: SeatItem): SeatPosition {
  const { state, priority, enrolledAt, externalId, providerId, userId } = seat
  const isWaiting = state === 'waiting'
  return {
    isWaiting,
    priority,
    enrolledAt: enrolledAt.toISOString(),
    externalId,
    providerId,
    userId,
  }
}
