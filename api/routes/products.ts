import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import {
  findSeatPool,
  listSeatPools,
  lockSeatPool,
  putSeatPool,
  type CountedSeatPool,
  type SeatPool,
  type SeatPoolKey,
} from '../../db/roster/seat-pools.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { tenantParams } from '../roster-access.ts'
import {
  presentProduct,
  productExample,
  productSchema,
  seatPoolExample,
} from '../presenters/seat.ts'

const MAX_NAME_LENGTH = 200
const tags = ['seats']
const readAuth = { anyScope: ['roster:read'] } as const
/** The path of one product. */
export const productParams = tenantParams.extend({
  product: z
    .string()
    .max(MAX_NAME_LENGTH)
    .regex(/^[^\p{C}]+$/u)
    .describe('Its name, which is also the value of the entitlement'),
})
/** When a product is not found. */
export const NO_PRODUCT = 'The tenant has no such product'
const position = z.object({ after: z.string() })
const headers = { ETag: 'The version of its settings' }

/** `GET /tenants/{tenantId}/products`: the products of which a tenant has seats. */
export const listTenantProducts = defineRoute(
  {
    method: 'GET',
    path: '/tenants/{tenantId}/products',
    operationId: 'listProducts',
    summary: 'The products of a tenant, by name',
    tags,
    auth: readAuth,
    params: tenantParams,
    ofTenant: true,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of products with their settings and counts',
        schema: pageOf(productSchema),
        example: { items: [productExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ params: { tenantId: tenant }, query, url }, { db, cursors }) => {
    const scope = `products ${tenant}`
    const { after } = query.cursor
      ? position.parse(cursors.open(scope, query.cursor))
      : { after: '' }
    const found = await listSeatPools(db, { tenant, after, limit: query.limit + 1 })
    const { items: pools, last } = cutPage(found, query.limit)
    const next = last && cursors.sign(scope, { after: last.product })
    return replyWithPage(url, { items: pools.map(presentProduct), next })
  },
)

/** `GET /tenants/{tenantId}/products/{product}`: the settings of a product's seats. */
export const getProduct = defineRoute(
  {
    method: 'GET',
    path: '/tenants/{tenantId}/products/{product}',
    operationId: 'getProduct',
    summary: 'Reads the settings of a product',
    tags,
    auth: readAuth,
    params: productParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'The settings, as they are put',
        schema: seatPoolSchema,
        example: seatPoolExample,
        headers,
      },
    },
    errors: { 404: NO_PRODUCT },
  },
  async ({ params }, { db }) => {
    const { version, settings } = await getSeatPool(db, toKey(params))
    return { status: 200, headers: { ETag: createEtag(version) }, body: settings }
  },
)

/** `PUT /tenants/{tenantId}/products/{product}`: how many seats there are, and for whom. */
export const putProduct = defineRoute(
  {
    method: 'PUT',
    path: '/tenants/{tenantId}/products/{product}',
    operationId: 'putProduct',
    summary: 'Makes a product, or changes its settings',
    description:
      'The next run of a provider of the tenant seats and releases by these settings; until then ' +
      'nobody gains or loses a seat. A lower capacity takes nobody’s seat.',
    tags,
    auth: { anyScope: ['roster:admin'] },
    params: productParams,
    ofTenant: true,
    body: { kind: 'json', schema: seatPoolSchema, example: seatPoolExample },
    responses: {
      200: {
        description: 'The settings as they are now',
        schema: seatPoolSchema,
        example: seatPoolExample,
        headers,
      },
      201: {
        description: 'Made',
        schema: seatPoolSchema,
        example: seatPoolExample,
        headers: { ...headers, Location: 'The product' },
      },
    },
    errors: {
      412: 'The settings have changed since you read them',
      422: 'A field breaks a rule, or more is reserved than there is',
    },
  },
  async ({ principal, params, body, headers: sent, requestId }, { db }) => {
    const key = toKey(params)
    const { tenant, product } = key
    const pool = await withTransaction(db, async (tx) => {
      const before = await lockSeatPool(tx, key)
      const ifMatch = sent['if-match']
      if (ifMatch !== undefined) assertIfMatch(ifMatch, before ? createEtag(before.version) : '')
      const after = await putSeatPool(tx, { ...key, settings: body })
      await appendAudit(tx, [
        {
          actor: principal.subject,
          action: 'product.changed',
          subject: { type: 'product', id: `${tenant}/${product}` },
          before: before && hashOf(before),
          after: hashOf(after),
          cause: { requestId, tenant, version: after.version },
        },
      ])
      return after
    })
    const Location = `/tenants/${encodeURIComponent(tenant)}/products/${encodeURIComponent(product)}`
    const isNew = pool.version === 1
    return {
      status: isNew ? 201 : 200,
      headers: { ETag: createEtag(pool.version), ...(isNew && { Location }) },
      body: pool.settings,
    }
  },
)

/** The pool that a path names. */
export function toKey({ tenantId: tenant, product }: z.output<typeof productParams>): SeatPoolKey {
  return { tenant, product }
}

/** The pool of a product; throws `not_found` (404). */
export async function getSeatPool(db: Database, key: SeatPoolKey): Promise<CountedSeatPool> {
  const pool = await findSeatPool(db, key)
  if (pool) return pool
  throw new AppError('not_found', `Cannot find a product "${key.product}"`, { status: 404 })
}

function hashOf({ settings }: SeatPool): Buffer {
  return createHash('sha256').update(JSON.stringify(settings)).digest()
}
