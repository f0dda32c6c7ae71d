/** A lane of a person's propagation: one sink, and the task queue on which it is worked. */
export type Lane = { readonly sink: string; readonly queue: string }

/** What of a configured sink decides its lane. */
export type LaneSink = { readonly name: string; readonly kind: string }

/** One lane per sink, side by side. */
export function listLanes(sinks: readonly LaneSink[]): Lane[] {
  return sinks
    .filter(({ kind }) => kind !== 'webhook')
    .map(({ name, kind }) => ({ sink: name, queue: `sink-${kind}` }))
}
