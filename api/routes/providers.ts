import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { ProviderView } from '../../core/license/provider-view.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import {
  findAudience,
  holdsSomewhere,
  mayReadGeneral,
  type ProviderAudience,
  type ProviderPlace,
} from '../policies/provider.ts'
import { providerExample, providerSchema } from '../presenters/provider-schema.ts'
import { presentProvider } from '../presenters/provider.ts'
import type { Principal } from '../principal.ts'
import { getCompact, getView } from '../provider-views.ts'

/** The path of one provider. */
export const providerParams = z.object({ compact: z.string(), providerId: z.uuid() })

export type ProviderPath = z.output<typeof providerParams>

/** `GET …/providers/{providerId}`: the private view where the row allows it, else the general one. */
export const getProvider = defineRoute(
  {
    method: 'GET',
    path: '/v1/compacts/{compact}/providers/{providerId}',
    operationId: 'getProvider',
    summary: 'Reads a provider',
    description:
      'The private view (date of birth, last four of the SSN, home address, e-mail, phone) needs ' +
      '`{compact}/{compact}.readPrivate`, or `{compact}/{j}.readPrivate` with a jurisdiction where ' +
      'the provider has a license or a privilege; `{compact}/readGeneral` gives the general view.',
    tags: ['providers'],
    auth: 'token',
    params: providerParams,
    responses: {
      200: { description: 'The provider', schema: providerSchema, example: providerExample },
    },
    errors: {
      403: 'The token may read no provider of the compact, or not this one',
      404: 'The compact has no such provider',
    },
  },
  async ({ principal, params }, context) => {
    const { view, audience } = await readProvider(principal, params, context)
    return { status: 200, body: presentProvider(view, audience) }
  },
)

/** A provider and what the principal sees of it; throws 403 or 404. */
export async function readProvider(
  principal: Principal,
  path: ProviderPath,
  { config, db, clock }: Pick<ApiContext, 'config' | 'db' | 'clock'>,
): Promise<{ view: ProviderView; audience: ProviderAudience }> {
  const code = path.compact
  if (!mayReadGeneral(principal, code) && !holdsSomewhere(principal, code, 'readPrivate'))
    throwForbidden(`it needs the scope "${code}/readGeneral"`)
  const compact = getCompact(config.compacts, code)
  const view = await getView(db, path.providerId, { compact, now: clock() })
  const audience = findAudience(principal, placeOf(view))
  if (audience === undefined)
    throwForbidden('the provider has no license or privilege in a jurisdiction of its scopes')
  return { view, audience }
}

/** Where a provider stands, for policies. */
export function placeOf(view: ProviderView): ProviderPlace {
  const held = [...view.licenses, ...view.privileges].map(({ jurisdiction }) => jurisdiction)
  return { compact: view.compact, jurisdictions: [...new Set(held)] }
}

/** Throws `insufficient_scope` (403) with what is missing. */
export function throwForbidden(reason: string): never {
  throw new AppError(
    'insufficient_scope',
    `Cannot read this provider with your access token: ${reason}`,
    { status: 403 },
  )
}
