import type { RosterDeps } from '../activities/roster/roster-deps.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../config/log.ts'
import type { BlobStore } from '../connectors/blob/blob-store.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import { openProviderSource, openProviderTarget } from '../connectors/roster/provider-ends.ts'
import { AppError } from '../core/errors.ts'
import {
  providerSecretName,
  scimAuthSchema,
  sourceAuthSchema,
  type ScimAuth,
} from '../core/roster/provider.ts'
import type { ScimTarget } from '../core/roster/target.ts'
import type { SecretStore } from '../core/secret.ts'
import { openUploadedRoster } from './roster-archives.ts'

export type RosterEndsOptions = {
  readonly config: Pick<Config, 'rosters'>
  readonly http: HttpClient
  readonly log: Logger
  readonly secrets: SecretStore
  /** Where uploaded archives are. */
  readonly blobs: BlobStore
}

type Kept = { readonly target: ScimTarget; usedAtMs: number }

// Longer than an activity works before the next one follows.
const KEPT_MS = 300_000

/** What syncs read and write, opened with the credentials as they are stored then. */
export function createRosterEnds(
  options: RosterEndsOptions,
): Pick<RosterDeps, 'openSource' | 'openTarget'> {
  const { config, http, log, secrets, blobs } = options
  const { maxRetryAttempts: maxAttempts, batchSize, target: fallback } = config.rosters
  // What a target has shown of itself is learned once a run.
  const kept = new Map<string, Kept>()
  return {
    async openSource({ id, settings }, { uploadId }) {
      if (uploadId !== null) return await openUploadedRoster(blobs, uploadId)
      const stored = await secrets.find(providerSecretName(id, 'auth'))
      if (stored === undefined) throwNoCredential()
      const auth = sourceAuthSchema.parse(JSON.parse(stored))
      return openProviderSource(settings, auth, { http, maxAttempts })
    },
    async openTarget({ id, settings }, run) {
      dropOld(kept)
      const found = kept.get(run.id)
      if (found) {
        found.usedAtMs = Date.now()
        return found.target
      }
      const auth = await readTargetAuth(secrets, id)
      const opening = { http, maxAttempts, batchSize, fallback, log }
      const target = openProviderTarget(settings, auth, opening)
      kept.set(run.id, { target, usedAtMs: Date.now() })
      return target
    },
  }
}

async function readTargetAuth(secrets: SecretStore, id: string): Promise<ScimAuth | undefined> {
  const stored = await secrets.find(providerSecretName(id, 'scim'))
  return stored === undefined ? undefined : scimAuthSchema.parse(JSON.parse(stored))
}

function dropOld(kept: Map<string, Kept>): void {
  const before = Date.now() - KEPT_MS
  for (const [runId, { target, usedAtMs }] of kept) {
    if (usedAtMs >= before) continue
    target.close()
    kept.delete(runId)
  }
}

function throwNoCredential(): never {
  throw new AppError('no_credential', 'Cannot open the source: its credential is not stored', {
    status: 422,
  })
}
