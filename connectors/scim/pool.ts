/** Works on all items, so many at once. The first error ends it, when what was begun has ended. */
export async function runPool<T>(
  items: readonly T[],
  { width, onError }: { readonly width: number; readonly onError: () => void },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  const failures: unknown[] = []
  const runWorker = async (): Promise<void> => {
    for (const item of rest) {
      if (failures.length > 0) return
      await work(item).catch((error: unknown) => {
        failures.push(error)
        onError()
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, runWorker))
  if (failures.length > 0) throw failures[0]
}
