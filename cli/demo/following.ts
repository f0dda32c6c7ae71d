import { setTimeout as delay } from 'node:timers/promises'
import { readChange, type ChangeView } from '../change-view.ts'
import type { ApiClient } from '../client.ts'

type SinkProgress = ChangeView['sinks'][number]

/** For what does not come: far more than a slow machine needs. */
export const PATIENCE_MS = 180_000
const WAIT_SECONDS = 1
const LOOK_MS = 200

/** True once nothing more becomes of the change at this sink. */
export function isSettled({ state }: Pick<SinkProgress, 'state'>): boolean {
  return state !== 'pending'
}

/** Follows a change until it is so far, or patience ends: the one who asks judges what is there then. */
export async function followChange(
  client: ApiClient,
  serial: number,
  isFar: (change: ChangeView) => boolean,
): Promise<ChangeView> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const change = await readChange(client, serial, WAIT_SECONDS)
    if (isFar(change) || Date.now() >= deadline) return change
  }
}

/** Asks until it is so; false when it is not by the end of patience. */
export async function waitUntilSo(isSo: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (Date.now() >= deadline) return false
    await delay(LOOK_MS)
  }
  return true
}
