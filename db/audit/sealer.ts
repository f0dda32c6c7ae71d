import { setTimeout as delay } from 'node:timers/promises'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { Database } from '../client.ts'
import { sealSettled } from './seals.ts'
import { createSettlement } from './settled.ts'

export type AuditSealer = {
  /** Seals what has settled since; answers the number of new seals. */
  readonly seal: () => Promise<number>
  /** Whether entries wait for an older transaction to end. */
  readonly isWaiting: () => boolean
}

const LOOK_AGAIN_MS = 100

/** Creates a sealer; several may run at once, each entry is sealed by one of them. */
export function createAuditSealer(db: Database, ring: KeyRing): AuditSealer {
  const settlement = createSettlement()
  let sealedTo = 0
  return {
    async seal() {
      const settled = await settlement.look(db)
      if (settled <= sealedTo) return 0
      const seals = await sealSettled(db, { ring, settled })
      sealedTo = settled
      return seals
    },
    isWaiting: settlement.isWaiting,
  }
}

export type SealNowOptions = {
  readonly ring: KeyRing
  /** How long to wait for open transactions that hold entries. */
  readonly timeoutMs: number
}

/** Seals what was committed before the call, waiting for older transactions as long as allowed. */
export async function sealAudit(db: Database, { ring, timeoutMs }: SealNowOptions): Promise<void> {
  const sealer = createAuditSealer(db, ring)
  const deadline = Date.now() + timeoutMs
  await sealer.seal()
  while (sealer.isWaiting() && Date.now() < deadline) {
    await delay(LOOK_AGAIN_MS)
    await sealer.seal()
  }
}
