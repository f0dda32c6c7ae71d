import type { FieldFault } from '../errors.ts'
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

/**
 * The credentials that settings stand for, what is masked in them taken from the stored ones; or what
 * is masked and was never given.
 */
export function readCredentials(
  { auth, scim }: ProviderSettings,
  stored: Partial<ProviderCredentials>,
): { readonly credentials: ProviderCredentials } | { readonly faults: readonly FieldFault[] } {
  const source = unmask(auth, stored.auth)
  const target = scim.auth && unmask(scim.auth, stored.scim)
  const faults = [
    ...listMissing(source, '/auth'),
    ...(target ? listMissing(target, '/scim/auth') : []),
  ]
  if (faults.length > 0) return { faults }
  return { credentials: { auth: source, ...(target && { scim: target }) } }
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

function listMissing(auth: object, pointer: string): FieldFault[] {
  return Object.entries(auth)
    .filter(([, value]) => value === secretMask)
    .map(([name]) => ({
      pointer: `${pointer}/${name}`,
      code: 'required',
      detail: 'There is no stored value that the mask could stand for',
    }))
}
