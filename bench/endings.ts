const pending = new Set<() => Promise<void>>()

/** What ends a part that a benchmark has started: called once, by the benchmark or by a signal. */
export function registerEnd(end: () => Promise<void>): () => Promise<void> {
  const once = async (): Promise<void> => {
    if (pending.delete(once)) await end()
  }
  pending.add(once)
  return once
}

/** Has a benchmark that is told to stop end its parts first, the last one first. */
export function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // What is under way fails as its parts go.
      process.on('uncaughtException', () => undefined)
      void endAll().finally(() => process.exit(1))
    })
  }
}

async function endAll(): Promise<void> {
  for (const end of [...pending].toReversed()) await end().catch(() => undefined)
}
