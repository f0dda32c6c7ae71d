import type { Logger } from '../../config/log.ts'
import { AppError } from '../../core/errors.ts'
import {
  findOneRosterVersion,
  type ProviderSettings,
  type ScimAuth,
  type SourceAuth,
} from '../../core/roster/provider.ts'
import type { RosterSource } from '../../core/roster/source.ts'
import type { ScimTarget } from '../../core/roster/target.ts'
import type { HttpClient } from '../http/client.ts'
import { createScimTarget } from '../scim/target.ts'
import { createRosterSource } from './source.ts'

export type EndOptions = {
  readonly http: HttpClient
  /** Attempts of a call in all. */
  readonly maxAttempts: number
}

export type TargetOptions = EndOptions & {
  readonly batchSize: number
  /** Where providers write that name no target: the operator's choice, which may be private. */
  readonly fallback: { readonly baseUrl: string; readonly token: string } | undefined
  readonly log: Logger
}

/** Opens the school system of a provider. */
export function openProviderSource(
  settings: ProviderSettings,
  auth: SourceAuth,
  options: EndOptions,
): RosterSource {
  const { kind, baseUrl } = settings
  return createRosterSource(
    { kind, version: findOneRosterVersion(settings), baseUrl, auth },
    options,
  )
}

/** Opens where a provider writes; throws `no_target` (422) where neither it nor the operator names one. */
export function openProviderTarget(
  { scim }: ProviderSettings,
  auth: ScimAuth | undefined,
  { fallback, http, ...options }: TargetOptions,
): ScimTarget {
  const { adopt, baseUrl } = scim
  if (baseUrl !== undefined && auth) {
    return createScimTarget({ ...options, http, adopt, baseUrl, auth })
  }
  if (baseUrl !== undefined || !fallback) throwNoTarget()
  // What a provider says of itself goes with the default's token to the default's address alone.
  const own = auth ?? ({ type: 'bearer', token: fallback.token } as const)
  return createScimTarget({
    ...options,
    http: trust(http),
    adopt,
    baseUrl: fallback.baseUrl,
    auth: own,
  })
}

function trust(http: HttpClient): HttpClient {
  return { ...http, send: async (request) => await http.send({ ...request, isTrusted: true }) }
}

function throwNoTarget(): never {
  throw new AppError(
    'no_target',
    'Cannot open the target: the provider names none that it has a credential for',
    { status: 422 },
  )
}
