import type { Config } from '../config/config.ts'
import { AppError } from '../core/errors.ts'

/** Throws `local_issuer_refused` where tokens of the local issuer would be believed in production. */
export function assertIssuer(config: Config): void {
  if (!config.production || config.issuers.length > 0) return
  throw new AppError(
    'local_issuer_refused',
    'Cannot start with NODE_ENV=production on the local token issuer: set AUTH_ISSUERS or AUTH_ISSUERS_FILE',
    { status: 500, expose: true },
  )
}
