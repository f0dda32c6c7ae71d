export type Lanes<T> = {
  /** How many pieces of work run at once. */
  readonly width: number
  /** The next piece; undefined when there is no more. */
  readonly next: () => Promise<T | undefined>
  readonly work: (piece: T) => Promise<void>
}

/**
 * Works through pieces in parallel lanes. After a failure no lane takes another piece; when all
 * have come to rest, the first failure is thrown.
 */
export async function runInLanes<T>({ width, next, work }: Lanes<T>): Promise<void> {
  let isFailed = false
  const lanes = Array.from({ length: width }, async () => {
    try {
      for (let piece = await next(); piece !== undefined && !isFailed; piece = await next()) {
        await work(piece)
      }
    } catch (error) {
      isFailed = true
      throw error
    }
  })
  const results = await Promise.allSettled(lanes)
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
}
