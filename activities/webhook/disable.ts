import type { Transaction } from '../../db/client.ts'
import {
  bookChanges,
  failWaiting,
  insertDeadLetters,
  type DeadDelivery,
} from '../../db/webhook/settlement.ts'

/** Ends all that waits for a disabled endpoint, with dead letters if it is a sink's. */
export async function failDisabled(
  tx: Transaction,
  endpoint: { readonly endpointId: string; readonly sink?: string | undefined },
): Promise<number> {
  const dead = await failWaiting(tx, endpoint.endpointId, 'endpoint_disabled')
  await bury(tx, endpoint.sink, dead)
  return dead.length
}

/** Books deliveries of a sink that nobody tries any more, and keeps them as dead letters. */
export async function bury(
  tx: Transaction,
  sink: string | undefined,
  dead: readonly DeadDelivery[],
): Promise<void> {
  if (sink === undefined || dead.length === 0) return
  const bookings = dead.flatMap(({ profileId, serial, attempts, code }) => {
    if (profileId === null || serial === null) return []
    return [{ sink, profileId, serial, state: 'failed', attempts, code } as const]
  })
  await bookChanges(tx, bookings)
  await insertDeadLetters(tx, sink, dead)
}
