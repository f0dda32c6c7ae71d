import { z } from 'zod'
import type { Env } from '../config/env.ts'
import { AppError } from '../core/errors.ts'
import { findSecretReference } from '../core/secret.ts'

/** Where settings' secrets are looked up. */
export type SecretValues = {
  /** For `{"env": "NAME"}`. */
  readonly env: Env
  /** For `{"secret": "name"}`. */
  readonly stored: ReadonlyMap<string, string>
}

export type Configured<S, T> = {
  /** The setting that names the file, for faults. */
  readonly variable: string
  readonly entries: readonly S[]
  readonly secrets: SecretValues
  /** Opens one entry, whose secrets are filled in; throws zod's errors and AppErrors. */
  readonly open: (entry: S, settings: unknown) => T
}

/** Opens every entry of a settings file; throws `invalid_configuration` with all faults of all. */
export function openConfigured<S extends { readonly name: string }, T>(
  configured: Configured<S, T>,
): T[] {
  const { variable, entries, secrets, open } = configured
  const faults: string[] = []
  const opened = entries.flatMap((entry) => {
    try {
      return [open(entry, resolveSecrets(entry, secrets))]
    } catch (error) {
      if (!(error instanceof z.ZodError) && !(error instanceof AppError)) throw error
      const reasons = error instanceof AppError ? [error.message] : error.issues.map(describeIssue)
      faults.push(...reasons.map((reason) => `${entry.name}: ${reason}`))
      return []
    }
  })
  if (faults.length === 0) return opened
  throw new AppError(
    'invalid_configuration',
    `Cannot use ${variable}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    { status: 500, expose: true, details: { faults } },
  )
}

/** The settings with `{"env": "NAME"}` and `{"secret": "name"}` exchanged for what they stand for. */
function resolveSecrets(value: unknown, secrets: SecretValues): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveSecrets(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only?.[0] === 'env' && typeof only[1] === 'string') {
    return secrets.env[only[1]] || throwMissing(`the environment variable ${only[1]} is not set`)
  }
  const name = findSecretReference(value)
  if (name !== undefined) {
    return (
      secrets.stored.get(name) ??
      throwMissing(`there is no secret "${name}": see "registrar secret set --help"`)
    )
  }
  return Object.fromEntries(entries.map(([key, member]) => [key, resolveSecrets(member, secrets)]))
}

function throwMissing(message: string): never {
  throw new AppError('missing_secret', message, { status: 500, expose: true })
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
}
