import { AppError } from '../../core/errors.ts'

/** Resolves after a time; throws `call_aborted` as soon as the signal is aborted. */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  assertGoing(signal)
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(createAborted())
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Throws `call_aborted` (503) when the signal is aborted. */
export function assertGoing(signal: AbortSignal): void {
  if (signal.aborted) throw createAborted()
}

function createAborted(): AppError {
  const message = 'Cannot go on with the target: nobody waits for it any more'
  return new AppError('call_aborted', message, { status: 503 })
}
