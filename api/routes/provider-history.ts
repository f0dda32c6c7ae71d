import { z } from 'zod'
import { listLicensesAsOf } from '../../core/license/history-as-of.ts'
import { viewLicense } from '../../core/license/provider-view.ts'
import type { StoredLicense, StoredLicenseChange } from '../../core/license/stored-license.ts'
import { listLicenseChanges } from '../../db/provider-history.ts'
import { listLicenses } from '../../db/providers.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { createNextLink, pageOf, pageQuery } from '../page.ts'
import { changeExample, changeSchema, licenseSchema } from '../presenters/provider-schema.ts'
import { presentChange, presentLicense } from '../presenters/provider.ts'
import { createToday, getCompact } from '../provider-views.ts'
import { providerParams, readProvider } from './providers.ts'

const historySchema = pageOf(changeSchema).extend({
  providerId: z.uuid(),
  compact: z.string(),
  asOf: z.string(),
  licenses: z.array(licenseSchema),
})

/** `GET …/providers/{providerId}/history`: the licenses as of an instant and the changes up to it. */
export const getProviderHistory = defineRoute(
  {
    method: 'GET',
    path: '/v1/compacts/{compact}/providers/{providerId}/history',
    operationId: 'getProviderHistory',
    summary: "Lists the changes of a provider's licenses",
    description:
      '`asOf` is an RFC 3339 instant, or a date, which means the end of that day in UTC; now ' +
      'unless said. `licenses` are as they stood then, `items` the changes until then, newest ' +
      'first. Both follow the field policy of the provider itself.',
    tags: ['providers'],
    auth: 'token',
    params: providerParams,
    query: z.object({
      ...pageQuery,
      asOf: z.union([z.iso.datetime({ offset: true }), z.iso.date()]).optional(),
    }),
    responses: {
      200: {
        description: 'The licenses of that moment, and one page of changes',
        schema: historySchema,
        example: {
          providerId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
          compact: 'aslp',
          asOf: '2027-06-30T23:59:59.999Z',
          licenses: [{ jurisdiction: 'oh', licenseType: 'audiologist', licenseStatus: 'active' }],
          items: [changeExample],
          next: null,
        },
      },
    },
    errors: {
      403: 'The token may read no provider of the compact, or not this one',
      404: 'The compact has no such provider',
    },
  },
  async ({ principal, params, query, url }, context) => {
    const { audience } = await readProvider(principal, params, context)
    const asOf = query.asOf === undefined ? context.clock() : parseInstant(query.asOf)
    const { licenses, changes } = await readHistory(params.providerId, asOf, context)
    const scope = `history ${params.compact} ${params.providerId}`
    const page = pickPage(changes, { ...query, scope }, context)
    const today = createToday({
      compact: getCompact(context.config.compacts, params.compact),
      now: asOf,
    })
    return {
      status: 200,
      headers: page.next === null ? {} : { Link: createNextLink(url, page.next) },
      body: {
        providerId: params.providerId,
        compact: params.compact,
        asOf: asOf.toISOString(),
        licenses: licenses.map((license) => presentLicense(viewLicense(license, today), audience)),
        items: page.items.map((change) => presentChange(change, audience)),
        next: page.next,
      },
    }
  },
)

async function readHistory(
  providerId: string,
  asOf: Date,
  { db }: Pick<ApiContext, 'db'>,
): Promise<{ licenses: StoredLicense[]; changes: StoredLicenseChange[] }> {
  // Licenses first: a change that comes in between would otherwise be missed when it is undone.
  const licenses = await listLicenses(db, [providerId])
  const changes = await listLicenseChanges(db, providerId)
  return {
    licenses: listLicensesAsOf(licenses, changes, asOf),
    changes: changes.filter((change) => change.effectiveDate <= asOf),
  }
}

type PageRequest = {
  readonly scope: string
  readonly limit: number
  readonly cursor?: string | undefined
}

function pickPage(
  changes: readonly StoredLicenseChange[],
  { scope, limit, cursor }: PageRequest,
  { cursors }: Pick<ApiContext, 'cursors'>,
): { items: readonly StoredLicenseChange[]; next: string | null } {
  const before = cursor === undefined ? Infinity : z.int().parse(cursors.open(scope, cursor))
  const rest = changes.filter((change) => change.id < before)
  const items = rest.slice(0, limit)
  const last = rest.length > limit ? items.at(-1) : undefined
  return { items, next: last ? cursors.sign(scope, last.id) : null }
}

function parseInstant(text: string): Date {
  return new Date(text.includes('T') ? text : `${text}T23:59:59.999Z`)
}
