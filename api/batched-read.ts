/**
 * Builds a read by key of which all calls of one turn of the event loop share one query: a busy
 * process spends more on round trips than on rows. A query begins after its calls, so that each sees
 * what was committed before it; where it fails, all of them fail.
 */
export function createBatchedRead<T>(
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (key: string) => Promise<T | undefined> {
  let open: Batch<T> | undefined
  return async (key) => {
    open ??= openBatch(async (keys) => {
      open = undefined
      return await readAll(keys)
    })
    open.keys.add(key)
    return (await open.values).get(key)
  }
}

type Batch<T> = {
  readonly keys: Set<string>
  readonly values: Promise<ReadonlyMap<string, T>>
}

function openBatch<T>(
  close: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): Batch<T> {
  const keys = new Set<string>()
  const turn = new Promise((resolve) => {
    setImmediate(resolve)
  })
  return { keys, values: turn.then(async () => await close([...keys])) }
}
