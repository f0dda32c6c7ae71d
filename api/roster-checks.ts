import { openProviderSource, openProviderTarget } from '../connectors/roster/provider-ends.ts'
import { AppError } from '../core/errors.ts'
import type { RosterProvider } from '../db/roster/providers.ts'
import type { ApiContext } from './context.ts'
import { loadCredentials } from './roster-providers.ts'

/** What came of trying one end; `detail` says what is wrong with it. */
export type EndCheck = { readonly ok: boolean; readonly detail?: string }

type End = {
  readonly check: (signal: AbortSignal) => Promise<void>
  readonly close: () => void
}

const PATIENCE_MS = 15_000
// Whoever asks is there to look: a fault is not tried again for long.
const ATTEMPTS = 1

/** Tries both ends of a provider with its credentials. */
export async function checkProvider(
  context: Pick<ApiContext, 'config' | 'http' | 'secretsOf' | 'log'>,
  { id, tenant, settings }: RosterProvider,
): Promise<{ readonly source: EndCheck; readonly target: EndCheck }> {
  const { config, http, secretsOf, log } = context
  const { auth, scim } = await loadCredentials(secretsOf(tenant), id)
  const { batchSize, target: fallback } = config.rosters
  const options = { http, log, batchSize, fallback, maxAttempts: ATTEMPTS }
  const [source, target] = await Promise.all([
    check(() => openProviderSource(settings, auth ?? throwNoCredential(), options)),
    check(() => openProviderTarget(settings, scim, options)),
  ])
  return { source, target }
}

async function check(open: () => End): Promise<EndCheck> {
  try {
    const end = open()
    try {
      await end.check(AbortSignal.timeout(PATIENCE_MS))
    } finally {
      end.close()
    }
    return { ok: true }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { ok: false, detail: `${error.code}: ${error.message}` }
  }
}

function throwNoCredential(): never {
  throw new AppError('no_credential', 'Cannot open the source: its credential is not stored', {
    status: 422,
  })
}
