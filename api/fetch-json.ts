import { AppError } from '../core/errors.ts'

const TIMEOUT_MS = 4_000
const MAX_BYTES = 1024 * 1024

/**
 * Fetches a JSON document of a configured server: no redirects, 4 s and 1 MiB at most. Throws
 * `fetch_failed` for everything else.
 */
export async function fetchJson(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, {
      redirect: 'error',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    return JSON.parse(await readText(response))
  } catch (cause) {
    throw new AppError('fetch_failed', `Cannot fetch "${url}"`, { status: 503, cause })
  }
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of response.body ?? []) {
    sizeBytes += part.length
    if (sizeBytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
