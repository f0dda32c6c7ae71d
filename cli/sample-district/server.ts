import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { RosterSourceSettings } from '../../connectors/roster/settings.ts'
import type { District, DistrictChange } from '../../core/sample/district.ts'
import type { Mutation } from '../../core/sample/district-mutations.ts'
import { startLocalServer } from '../demo/stand-ins/http-server.ts'

/** A request as a stand-in sees it. */
export type StandInRequest = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The address as it was written, path and query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** How it answers: text is sent as it is, anything else as JSON. */
export type StandInAnswer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/** `hang-up` ends the connection, `hang` never answers. */
export type StandInOutcome = StandInAnswer | 'hang-up' | 'hang'

/** Answers a request instead of the stand-in, or lets it through. */
export type Intercept = (
  request: StandInRequest,
  answer: () => StandInAnswer,
) => StandInOutcome | undefined

/** A school system of a made-up district. */
export type DistrictServer = {
  /** What a provider says that reads it. */
  readonly settings: RosterSourceSettings
  /** `path?query` of every request, as it came. */
  readonly requests: readonly string[]
  readonly getDistrict: () => District
  /** Makes something happen in the district, and tells of it as such systems do. */
  readonly mutate: (mutation: Mutation) => readonly DistrictChange[]
  /** From the next request on. */
  readonly intercept: (intercept: Intercept | undefined) => void
  readonly close: () => Promise<void>
}

type Serving = Pick<DistrictServer, 'requests' | 'intercept' | 'close'> & { readonly url: string }

const JSON_TYPE = 'application/json; charset=utf-8'

/** Starts a server that answers one request after the other. */
export async function startStandIn(
  answer: (request: StandInRequest) => StandInAnswer,
  port?: number,
): Promise<Serving> {
  const requests: string[] = []
  let intercept: Intercept | undefined
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await receive(request)
    requests.push(received.target)
    const usual = (): StandInAnswer => answer(received)
    const outcome = intercept?.(received, usual) ?? usual()
    if (outcome === 'hang') return
    if (outcome === 'hang-up') response.destroy()
    else reply(response, outcome)
  }
  const server = await startLocalServer((request, response) => {
    void listener(request, response).catch((error: unknown) => {
      reply(response, { status: 500, body: { message: String(error) } })
    })
  }, port)
  return {
    url: server.url,
    requests,
    intercept: (next) => void (intercept = next),
    close: server.close,
  }
}

async function receive(request: IncomingMessage): Promise<StandInRequest> {
  const { method = 'GET', url: target = '/', headers } = request
  const url = new URL(target, 'http://stand-in.invalid')
  const body = method === 'GET' ? '' : await text(request)
  return { method, path: url.pathname, query: url.searchParams, target, headers, body }
}

function reply(response: ServerResponse, { status, headers = {}, body }: StandInAnswer): void {
  const type = typeof body === 'string' ? 'text/html; charset=utf-8' : JSON_TYPE
  response.writeHead(status, { 'content-type': type, ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
