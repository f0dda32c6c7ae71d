import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TestCertificate } from './certificate.ts'

export type ReceivedRequest = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly at: number
  /** Of the client: the same for requests over one connection. */
  readonly port: number
  /** What TLS was asked for, if it was. */
  readonly serverName: string | undefined
}

/** How a request is answered; 204 unless said. */
export type Behaviour = (response: ServerResponse, request: ReceivedRequest) => void

/** An HTTP server that keeps what it is sent and answers as it is told, well or badly. */
export type Receiver = {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string
  readonly port: number
  readonly requests: readonly ReceivedRequest[]
  /** From the next request on. */
  readonly behave: (behaviour: Behaviour) => void
  readonly close: () => Promise<void>
}

export type ReceiverOptions = {
  readonly behaviour?: Behaviour
  /** Speaks TLS with it. */
  readonly certificate?: TestCertificate
  /** Any free one unless said. */
  readonly port?: number
}

const LOTS = Buffer.alloc(256 * 1024, 'x')

/** Ways to answer, good and bad. */
export const behaviours = {
  status:
    (status: number, headers: Readonly<Record<string, string>> = {}): Behaviour =>
    (response) =>
      response.writeHead(status, headers).end(),
  json:
    (body: unknown, headers: Readonly<Record<string, string>> = {}): Behaviour =>
    (response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body)),
  redirect:
    (location: string): Behaviour =>
    (response) =>
      response.writeHead(302, { location }).end(),
  /** Takes the request and never answers. */
  hang: (): void => {},
  /** A head, and then never the body. */
  stall: (response: ServerResponse) =>
    response.writeHead(200, { 'content-length': '10' }).flushHeaders(),
  /** Ends the connection without an answer. */
  hangUp: (response: ServerResponse) => response.socket?.destroy(),
  /** Ends the connection in the middle of the answer. */
  cutOff: (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': '1000' }).write('half', () => {
      response.socket?.destroy()
    })
  },
  /** A body without end. */
  flood: (response: ServerResponse) => {
    const pour = (): void => {
      while (!response.destroyed && response.write(LOTS));
    }
    response.writeHead(200).on('drain', pour)
    pour()
  },
}

/** Starts a receiver on the loopback interface. */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = []
  let behaviour = options.behaviour ?? behaviours.status(204)
  const listener: RequestListener = (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const received = toReceived(request, Buffer.concat(parts).toString())
      requests.push(received)
      behaviour(response, received)
    })
    response.on('error', () => {})
  }
  const { certificate } = options
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    requests,
    behave: (next) => void (behaviour = next),
    async close() {
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
    },
  }
}

function toReceived(request: IncomingMessage, body: string): ReceivedRequest {
  const { servername } = request.socket as Partial<TLSSocket>
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    body,
    at: Date.now(),
    port: request.socket.remotePort ?? 0,
    serverName: typeof servername === 'string' ? servername : undefined,
  }
}
