import { z } from 'zod'
import type { Env } from '../config/env.ts'
import { AppError } from '../core/errors.ts'

export type Configured<S, T> = {
  /** The setting that names the file, for faults. */
  readonly variable: string
  readonly entries: readonly S[]
  /** Where `{"env": "NAME"}` is looked up. */
  readonly env: Env
  /** Opens one entry, whose secrets are filled in; throws zod's errors and AppErrors. */
  readonly open: (entry: S, settings: unknown) => T
}

/** Opens every entry of a settings file; throws `invalid_configuration` with all faults of all. */
export function openConfigured<S extends { readonly name: string }, T>(
  configured: Configured<S, T>,
): T[] {
  const { variable, entries, env, open } = configured
  const faults: string[] = []
  const opened = entries.flatMap((entry) => {
    try {
      return [open(entry, resolveSecrets(entry, env))]
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

/** The settings with `{"env": "NAME"}` exchanged for what the variable holds. */
function resolveSecrets(value: unknown, env: Env): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveSecrets(item, env))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only?.[0] === 'env' && typeof only[1] === 'string') {
    const secret = env[only[1]]
    if (secret !== undefined && secret !== '') return secret
    throw new AppError('missing_secret', `the environment variable ${only[1]} is not set`, {
      status: 500,
      expose: true,
    })
  }
  return Object.fromEntries(entries.map(([name, member]) => [name, resolveSecrets(member, env)]))
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
}
