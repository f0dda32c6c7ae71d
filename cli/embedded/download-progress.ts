import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const INTERVAL_MS = 1_000
const MEGABYTE = 1_000_000

/** Runs `download` and meanwhile tells how many megabytes have arrived in its folder, at most once a second. */
export async function reportProgress<T>(
  options: { readonly directory: string; readonly report: (line: string) => void },
  download: () => Promise<T>,
): Promise<T> {
  let told = 0
  const tell = async (): Promise<void> => {
    const megabytes = Math.floor((await measure(options.directory)) / MEGABYTE)
    if (megabytes > told) options.report(`Temporal server: ${megabytes} MB have arrived`)
    told = Math.max(told, megabytes)
  }
  const timer = setInterval(() => void tell(), INTERVAL_MS) // `measure` does not throw
  try {
    return await download()
  } finally {
    clearInterval(timer)
  }
}

// Files come and go while we look.
async function measure(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true }).catch(() => [])
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const found = await stat(join(directory, entry)).catch(() => undefined)
      return found?.isFile() ? found.size : 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
