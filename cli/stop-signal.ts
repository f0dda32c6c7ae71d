/** Aborted by the first SIGINT, SIGTERM or SIGHUP of the process, which then stops in order. */
export function listenForStop(): AbortSignal {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stopping.abort())
  }
  return stopping.signal
}

/** Resolves when the signal is aborted. */
export async function waitForAbort(signal: AbortSignal): Promise<undefined> {
  await new Promise<void>((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
