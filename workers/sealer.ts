import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../config/log.ts'
import { AppError } from '../core/errors.ts'
import type { KeyRing } from '../crypto/key-ring.ts'
import { endorseStoredKeys, listSealKeys } from '../db/audit/keys.ts'
import { createAuditSealer, type AuditSealer } from '../db/audit/sealer.ts'
import type { Database } from '../db/client.ts'
import { keepAuditKeys } from './audit-keys-file.ts'

export type SealerOptions = {
  readonly db: Database
  readonly ring: KeyRing
  readonly log: Logger
  /** How often the log is looked at; what was committed is sealed within two looks. */
  readonly intervalMs: number
  /** Where the public keys are kept for verifying exports; nowhere when undefined. */
  readonly dataDir?: string | undefined
}

export type Sealer = {
  /** Lets the seal in hand finish and stops. */
  readonly close: () => Promise<void>
}

// Entries that wait for an older transaction are looked at again sooner.
const WAITING_MS = 500

/** Seals the audit log for as long as it runs; safe beside any number of other sealers. */
export function startSealer(options: SealerOptions): Sealer {
  const stop = new AbortController()
  const done = run(options, stop.signal)
  return {
    async close() {
      stop.abort()
      await done
    },
  }
}

async function run(options: SealerOptions, signal: AbortSignal): Promise<void> {
  const { db, ring, log, intervalMs } = options
  const sealer = createAuditSealer(db, ring)
  let isKept = false
  let isAway = false
  while (!signal.aborted) {
    try {
      if (!isKept) await keepKeys(options)
      isKept = true
      await sealOnce(sealer, log)
      if (isAway) log.info('Sealing the audit log again')
      isAway = false
    } catch (error) {
      if (!isAway) log.warn({ code: codeOf(error) }, 'Cannot seal the audit log yet')
      isAway = true
    }
    const pauseMs = sealer.isWaiting() ? Math.min(WAITING_MS, intervalMs) : intervalMs
    await delay(pauseMs, undefined, { signal }).catch(() => {})
  }
}

async function sealOnce(sealer: AuditSealer, log: Logger): Promise<void> {
  const seals = await sealer.seal()
  if (seals > 0) log.debug({ seals }, 'Sealed the audit log')
}

async function keepKeys({ db, ring, dataDir }: SealerOptions): Promise<void> {
  await endorseStoredKeys(db, ring)
  if (dataDir !== undefined) await keepAuditKeys(dataDir, await listSealKeys(db, ring))
}

function codeOf(error: unknown): string {
  if (error instanceof AppError) return error.code
  return error instanceof Error && 'code' in error ? String(error.code) : 'unexpected'
}
