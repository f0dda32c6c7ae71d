import type { FieldFault } from '../errors.ts'
import { readUrl } from '../url.ts'
import {
  secretMask,
  secretMembers,
  type ProviderSettings,
  type ScimAuth,
  type SourceAuth,
} from './provider.ts'

/** The credentials of a provider as they are kept; without one of its own a target has the default's. */
export type ProviderCredentials = {
  readonly auth: SourceAuth
  readonly scim?: ScimAuth | undefined
}

type Members = Readonly<Record<string, unknown>>

/** The settings as they are stored and shown: the mask in the place of every secret. */
export function maskSettings(settings: ProviderSettings): ProviderSettings {
  const { auth, scim } = settings
  return {
    ...settings,
    auth: mask(auth),
    scim: { ...scim, ...(scim.auth && { auth: mask(scim.auth) }) },
  }
}

/** What is kept of a provider: the addresses that its settings name, and its credentials. */
export type KeptProvider = {
  readonly settings: ProviderSettings
  readonly credentials: Partial<ProviderCredentials>
}

/**
 * The credentials that settings stand for, what is masked in them taken from the kept ones; or what
 * is masked and was never given, or was given for another server: no secret goes there unasked.
 */
export function readCredentials(
  settings: ProviderSettings,
  kept?: KeptProvider,
): { readonly credentials: ProviderCredentials } | { readonly faults: readonly FieldFault[] } {
  const { auth, scim } = settings
  const source = unmask(auth, kept?.credentials.auth)
  const target = scim.auth && unmask(scim.auth, kept?.credentials.scim)
  const faults = [
    ...(kept ? listAstray(settings, kept.settings) : []),
    ...listMasked(source, '/auth', MISSING),
    ...listMasked(target ?? {}, '/scim/auth', MISSING),
  ]
  if (faults.length > 0) return { faults }
  return { credentials: { auth: source, ...(target && { scim: target }) } }
}

// A secret that is kept was meant for the servers that were named beside it.
function listAstray(now: ProviderSettings, before: ProviderSettings): FieldFault[] {
  const sourceOf = ({ baseUrl, auth }: ProviderSettings): string =>
    [baseUrl, 'tokenUrl' in auth ? auth.tokenUrl : baseUrl].map(originOf).join(' ')
  const targetOf = ({ scim }: ProviderSettings): string => originOf(scim.baseUrl)
  return [
    ...(sourceOf(now) === sourceOf(before) ? [] : listMasked(now.auth, '/auth', ASTRAY)),
    ...(targetOf(now) === targetOf(before)
      ? []
      : listMasked(now.scim.auth ?? {}, '/scim/auth', ASTRAY)),
  ]
}

const ASTRAY = 'The stored secret was given for another server: send the secret again'
const MISSING = 'There is no stored value that the mask could stand for'

function originOf(address: string | undefined): string {
  return address === undefined ? '' : (readUrl(address)?.origin ?? address)
}

function mask<T extends object>(auth: T): T {
  // Secrets and the mask are text.
  return mapSecrets(auth, () => secretMask) as T
}

function unmask<T extends { readonly type: string }>(auth: T, stored: T | undefined): T {
  if (stored?.type !== auth.type) return auth
  const kept: Members = { ...stored }
  // What is kept is of the same type.
  return mapSecrets(auth, (name, value) => (value === secretMask ? kept[name] : value)) as T
}

function mapSecrets(auth: object, map: (name: string, value: unknown) => unknown): object {
  const names: readonly string[] = secretMembers
  return Object.fromEntries(
    Object.entries(auth).map(([name, value]) => [
      name,
      names.includes(name) ? map(name, value) : value,
    ]),
  )
}

function listMasked(auth: object, pointer: string, detail: string): FieldFault[] {
  return Object.entries(auth)
    .filter(([, value]) => value === secretMask)
    .map(([name]) => ({
      pointer: `${pointer}/${name}`,
      code: 'required',
      detail,
    }))
}
