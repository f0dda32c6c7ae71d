const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** A stored secret as lists show it: never its value. */
export type SecretEntry = {
  readonly name: string
  /** When its value was last set. */
  readonly updatedAt: Date
}

/**
 * Where connectors' secrets are kept. Calls that cannot be answered throw AppErrors that hold neither
 * a value nor a token.
 */
export type SecretStore = {
  /** In the order of their names. */
  readonly list: () => Promise<SecretEntry[]>
  readonly find: (name: string) => Promise<string | undefined>
  /** Stores the value in place of an earlier one. */
  readonly set: (name: string, value: string) => Promise<void>
  /** False when there is none of this name. */
  readonly remove: (name: string) => Promise<boolean>
}

/** What is wrong with the name of a secret, as a sentence; undefined when it will do. */
export function findSecretNameFault(name: string): string | undefined {
  if (SECRET_NAME.test(name)) return undefined
  return 'It must have 1 to 100 of A–Z a–z 0–9 . _ - and begin with a letter or digit'
}

/** The names in every `{"secret": "name"}` of the settings, each once. */
export function listSecretNames(settings: unknown): string[] {
  return [...new Set(collectNames(settings))].toSorted()
}

/** The name in `{"secret": "name"}`; undefined for everything else. */
export function findSecretReference(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const [only, ...others] = Object.entries(value)
  if (only?.[0] !== 'secret' || others.length > 0) return undefined
  return typeof only[1] === 'string' ? only[1] : undefined
}

function collectNames(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const name = findSecretReference(value)
  return name === undefined ? Object.values(value).flatMap(collectNames) : [name]
}
