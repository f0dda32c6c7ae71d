import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { readEnv } from '../config/env.ts'
import { findKeyRing } from '../config/key-ring-file.ts'
import { AppError } from '../core/errors.ts'
import { signLocalToken } from '../crypto/token.ts'
import type { RemoteOptions } from './options.ts'
import { findRunFile } from './run-file.ts'

export type ApiRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the API's address, with its query. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export type ApiClient = {
  readonly apiUrl: string
  readonly token: string
  /** Sends a request; throws `api_unreachable`, or the code of the problem that the API answers. */
  readonly send: (request: ApiRequest) => Promise<Response>
  /** The same, for the JSON of the answer. */
  readonly sendForJson: (request: ApiRequest) => Promise<unknown>
}

export type ApiClientOptions = RemoteOptions & {
  readonly config: Config
  /** Of the local token, where none is given. */
  readonly scope: string
  /** Whom the local token stands for; `cli` unless said. */
  readonly subject?: string | undefined
  /** The tenant claim of the local token. */
  readonly tenant?: string | undefined
  /** The publisher claim of the local token. */
  readonly publisher?: string | undefined
}

const LOCAL_SUBJECT = 'cli'
const LOCAL_TTL_SECONDS = 3_600

const problem = z.object({
  code: z.string(),
  status: z.number(),
  title: z.string().optional(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

const MAX_FAULTS = 10

/**
 * Opens the API that `--api` or `REGISTRAR_API` names, with the token of `--token` or
 * `REGISTRAR_TOKEN`; else the one that runs on this machine, with a token of the local issuer.
 */
export async function openApiClient(options: ApiClientOptions): Promise<ApiClient> {
  const env = readEnv()
  const given = options.api ?? env['REGISTRAR_API']
  const apiUrl = (given || (await getLocalUrl(options.config))).replace(/\/+$/, '')
  const token = options.token ?? (env['REGISTRAR_TOKEN'] || (await createLocalToken(options)))
  const send = async (request: ApiRequest): Promise<Response> => {
    const answer = await exchange(request, { apiUrl, token })
    if (answer.ok) return answer
    throw await readProblem(answer)
  }
  return { apiUrl, token, send, sendForJson: async (request) => await (await send(request)).json() }
}

async function getLocalUrl(config: Config): Promise<string> {
  const run = await findRunFile(config.dataDir)
  if (run) return run.apiUrl
  throw new AppError(
    'not_running',
    `Cannot find a running Registrar in "${config.dataDir}": start one with "registrar up", or name one with --api`,
    { status: 500, expose: true },
  )
}

async function createLocalToken(options: ApiClientOptions): Promise<string> {
  const { config, scope, subject = LOCAL_SUBJECT, tenant, publisher } = options
  const ring = config.issuers.length > 0 ? undefined : await findKeyRing(config)
  if (!ring) {
    throw new AppError(
      'no_token',
      'Cannot ask the API without a token: give one with --token or REGISTRAR_TOKEN',
      { status: 500, expose: true },
    )
  }
  return await signLocalToken(ring, {
    subject,
    scope,
    tenant,
    publisher,
    ttlSeconds: LOCAL_TTL_SECONDS,
  })
}

async function exchange(
  request: ApiRequest,
  { apiUrl, token }: { readonly apiUrl: string; readonly token: string },
): Promise<Response> {
  const { method, path, body, headers, signal } = request
  try {
    return await fetch(`${apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (cause) {
    throw new AppError('api_unreachable', `Cannot reach the API at "${apiUrl}": is it running?`, {
      status: 503,
      expose: true,
      cause,
    })
  }
}

async function readProblem(answer: Response): Promise<AppError> {
  const { data } = problem.safeParse(await answer.json().catch(() => undefined))
  const reason = data?.detail ?? data?.title ?? answer.statusText
  return new AppError(
    data?.code ?? 'unexpected_answer',
    `The API answers ${answer.status}: ${reason}${listFaults(data?.errors ?? [])}`,
    { status: answer.status, expose: true },
  )
}

function listFaults(
  errors: readonly { readonly pointer: string; readonly detail: string }[],
): string {
  const lines = errors
    .slice(0, MAX_FAULTS)
    .map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`)
  const more = errors.length - lines.length
  return [...lines, ...(more > 0 ? [`\n  and ${more} more`] : [])].join('')
}
