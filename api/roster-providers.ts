import { readUrl } from '../core/url.ts'
import { AppError, type FieldFault } from '../core/errors.ts'
import {
  maskSettings,
  readCredentials,
  type KeptProvider,
  type ProviderCredentials,
} from '../core/roster/credentials.ts'
import { providerSecretName, type ProviderSettings } from '../core/roster/provider.ts'
import type { SecretStore } from '../core/secret.ts'
import type { Queryable } from '../db/client.ts'
import { listRosterProviders } from '../db/roster/providers.ts'
import type { ApiContext } from './context.ts'

/** Settings as they are stored, and the credentials that are kept apart from them. */
export type JudgedProvider = {
  readonly settings: ProviderSettings
  readonly credentials: ProviderCredentials
}

const MAX_PROVIDERS = 1_000

/**
 * Settings that somebody sent, taken apart; what is masked is taken from what is kept. Throws
 * `invalid_body` (422) for addresses that must not be called, a mask of nothing or of a secret of
 * another server, and no target.
 */
export async function judgeSettings(
  { http, config }: Pick<ApiContext, 'http' | 'config'>,
  given: ProviderSettings,
  kept?: KeptProvider,
): Promise<JudgedProvider> {
  const read = readCredentials(given, kept)
  const faults = [
    ...('faults' in read ? read.faults : []),
    ...(await listAddressFaults(http, given)),
    ...(given.scim.baseUrl === undefined && !config.rosters.target ? [NO_TARGET] : []),
  ]
  if (faults.length > 0 || 'faults' in read) return throwInvalid(faults)
  return { settings: maskSettings(given), credentials: read.credentials }
}

/** The credentials that are stored for a provider. */
export async function loadCredentials(
  secrets: SecretStore,
  providerId: string,
): Promise<Partial<ProviderCredentials>> {
  const [auth, scim] = await Promise.all([
    secrets.find(providerSecretName(providerId, 'auth')),
    secrets.find(providerSecretName(providerId, 'scim')),
  ])
  return {
    // What was stored here, by its schema.
    ...(auth !== undefined && { auth: JSON.parse(auth) as ProviderCredentials['auth'] }),
    ...(scim !== undefined && { scim: JSON.parse(scim) as ProviderCredentials['scim'] }),
  }
}

/** Stores the credentials of a provider; of a target that has none of its own, none. */
export async function saveCredentials(
  secrets: SecretStore,
  providerId: string,
  { auth, scim }: ProviderCredentials,
): Promise<void> {
  await secrets.set(providerSecretName(providerId, 'auth'), JSON.stringify(auth))
  const name = providerSecretName(providerId, 'scim')
  if (scim) await secrets.set(name, JSON.stringify(scim))
  else await secrets.remove(name)
}

/** Removes the credentials of a provider. */
export async function removeCredentials(secrets: SecretStore, providerId: string): Promise<void> {
  await secrets.remove(providerSecretName(providerId, 'auth'))
  await secrets.remove(providerSecretName(providerId, 'scim'))
}

/**
 * Throws `target_shared` (409) where another provider of the tenant writes to the same target under
 * the same externalIds. To be called under the tenant's lock.
 */
export async function assertOwnTarget(
  tx: Queryable,
  { config }: Pick<ApiContext, 'config'>,
  provider: { readonly id: string; readonly tenant: string; readonly settings: ProviderSettings },
): Promise<void> {
  const nameOf = ({ scim }: ProviderSettings): string =>
    JSON.stringify([
      normalize(scim.baseUrl ?? config.rosters.target?.baseUrl ?? ''),
      scim.externalIdPrefix ?? '',
    ])
  const others = await listRosterProviders(tx, { tenant: provider.tenant, limit: MAX_PROVIDERS })
  const own = nameOf(provider.settings)
  if (!others.some(({ id, settings }) => id !== provider.id && nameOf(settings) === own)) return
  throw new AppError(
    'target_shared',
    'Cannot write to this target: another provider of the tenant does; give each a scim.externalIdPrefix',
    { status: 409 },
  )
}

const NO_TARGET: FieldFault = {
  pointer: '/scim/baseUrl',
  code: 'required',
  detail: 'Missing: TENANT_SERVICE_URL is not set either',
}

async function listAddressFaults(
  http: ApiContext['http'],
  { baseUrl, auth, scim }: ProviderSettings,
): Promise<FieldFault[]> {
  const addresses = [
    ['/baseUrl', baseUrl],
    ['/auth/tokenUrl', 'tokenUrl' in auth ? auth.tokenUrl : undefined],
    ['/scim/baseUrl', scim.baseUrl],
  ] as const
  const judged = addresses.map(async ([pointer, address]) =>
    address === undefined ? [] : await judgeAddress(http, { pointer, address }),
  )
  return (await Promise.all(judged)).flat()
}

async function judgeAddress(
  http: ApiContext['http'],
  { pointer, address }: { readonly pointer: string; readonly address: string },
): Promise<FieldFault[]> {
  try {
    await http.assertCallable(address)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [{ pointer, code: error.code, detail: error.message }]
  }
}

// Two spellings of one address are one target.
function normalize(address: string): string {
  return readUrl(address)?.href.replace(/\/+$/, '') ?? address
}

function throwInvalid(errors: readonly FieldFault[]): never {
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: { errors },
  })
}
