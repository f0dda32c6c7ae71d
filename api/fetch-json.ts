import type { HttpClient } from '../connectors/http/client.ts'
import { assertSuccess } from '../connectors/http/answer.ts'
import { AppError } from '../core/errors.ts'

const TIMEOUT_MS = 4_000

/**
 * Fetches a JSON document of a configured server: no redirects, 4 s and 1 MiB at most. Throws
 * `fetch_failed` for everything else.
 */
export async function fetchJson(http: HttpClient, url: string): Promise<unknown> {
  try {
    const answer = await http.send({
      url,
      headers: { accept: 'application/json' },
      isTrusted: true,
      timeoutMs: TIMEOUT_MS,
    })
    assertSuccess(answer, 'fetch the document')
    // Not every issuer says that its keys are JSON.
    return JSON.parse(answer.body.toString('utf8')) as unknown
  } catch (cause) {
    throw new AppError('fetch_failed', `Cannot fetch "${url}"`, { status: 503, cause })
  }
}
