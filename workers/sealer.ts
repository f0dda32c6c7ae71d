import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../config/log.ts'
import type { KeyRing } from '../crypto/key-ring.ts'
import { endorseStoredKeys, listSealKeys } from '../db/audit/keys.ts'
import { createAuditSealer } from '../db/audit/sealer.ts'
import type { Database } from '../db/client.ts'
import { keepAuditKeys } from './audit-keys-file.ts'
import { startLoop, type Loop } from './loop.ts'

export type SealerOptions = {
  readonly db: Database
  readonly ring: KeyRing
  readonly log: Logger
  /** How often the log is looked at; what was committed is sealed within two looks. */
  readonly intervalMs: number
  /** Where the public keys are kept for verifying exports; nowhere when undefined. */
  readonly dataDir?: string | undefined
}

// Entries that wait for an older transaction are looked at again sooner.
const WAITING_MS = 500

/** Seals the audit log for as long as it runs; safe beside any number of other sealers. */
export function startSealer(options: SealerOptions): Loop {
  const { db, ring, log, intervalMs } = options
  const sealer = createAuditSealer(db, ring)
  let areKeysKept = false
  return startLoop({
    task: 'seal the audit log',
    log,
    intervalMs,
    async step(signal) {
      if (!areKeysKept) await keepKeys(options)
      areKeysKept = true
      const seals = await sealer.seal()
      if (seals > 0) log.debug({ seals }, 'Sealed the audit log')
      if (!sealer.isWaiting()) return false
      await delay(Math.min(WAITING_MS, intervalMs), undefined, { signal }).catch(() => {})
      return true
    },
  })
}

async function keepKeys({ db, ring, dataDir }: SealerOptions): Promise<void> {
  await endorseStoredKeys(db, ring)
  if (dataDir !== undefined) await keepAuditKeys(dataDir, await listSealKeys(db, ring))
}
