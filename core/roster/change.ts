import type { RosterType } from './run.ts'

export type ChangeOp = 'create' | 'update' | 'deactivate' | 'delete' | 'members'

/** One line of a change set. */
export type RosterChange = {
  readonly op: ChangeOp
  readonly type: RosterType
  readonly id: string
  /** Of an update, what differs and no more; of what is created, nothing. */
  readonly before?: unknown
  readonly after?: unknown
}

/** The line of a change in its change set, with the line feed; its hash is over exactly these bytes. */
export function encodeChange({ op, type, id, before, after }: RosterChange): string {
  return `${JSON.stringify({
    op,
    type,
    id,
    ...(before !== undefined && before !== null && { before }),
    ...(after !== undefined && after !== null && { after }),
  })}\n`
}

/** A record with an update's differences: what was before and isn't after is gone. */
export function applyDifference<T extends object>(
  record: T,
  { before, after }: { readonly before: object; readonly after: object },
): T {
  const kept = Object.entries(record).filter(([key]) => !Object.hasOwn(before, key))
  // What differs was taken from a whole record of the same type.
  return { ...Object.fromEntries(kept), ...after } as T
}
