import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { AppError } from '../core/errors.ts'
import { listErrorHeaders, toProblem } from './problem.ts'

export type ConnectionLimits = {
  /** A body, or a caller that does not read its answer, may stand still so long. */
  readonly idleMs: number
  /** How long the rest of a refused body is read and dropped, so that the caller gets its answer. */
  readonly drainMs: number
}

export type ConnectionOptions = {
  readonly limits: ConnectionLimits
  /** The methods of a path, empty where there is none; for requests that Node's parser refuses. */
  readonly methodsOf: (path: string) => readonly string[]
}

type ParserError = Error & { readonly code?: string; readonly rawPacket?: Buffer }

const REQUEST_LINE = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+ (\S+) HTTP\/1\.[01]\r?\n/

/** Cuts slow clients off, and answers as problem+json what Node's parser refuses by itself. */
export function guardConnections(server: Server, options: ConnectionOptions): void {
  const current = new WeakMap<Duplex, ServerResponse>()
  server.setTimeout(options.limits.idleMs)
  server.on('connection', (socket: Socket) => letRestDrain(socket, current))
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    current.set(request.socket, response)
    watch(request, response, options.limits)
  })
  // An expectation that we do not know may be ignored (RFC 9110 §10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    refuse(socket, toMethodError(options.methodsOf(pathOf(request.url ?? ''))))
  })
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    const response = current.get(socket)
    const answered = response?.headersSent === true && !response.writableFinished
    if (error.code === 'ECONNRESET' || !socket.writable || answered) {
      socket.destroy()
      return
    }
    refuse(socket, toParserError(error, options))
  })
}

function watch(request: IncomingMessage, response: ServerResponse, limits: ConnectionLimits): void {
  const { socket } = request
  request.on('timeout', () => {
    // Bytes that wait for us are progress that we owe, not the caller.
    if (request.readableLength >= request.readableHighWaterMark) {
      socket.setTimeout(limits.idleMs)
      return
    }
    if (response.headersSent) socket.destroy()
    else refuse(socket, createTimeout())
  })
  response.on('timeout', () => {
    // A handler may think longer; a caller that does not read may not.
    if (request.complete && response.writableLength > 0) socket.destroy()
  })
  response.once('finish', () => {
    if (request.complete) return
    const timer = setTimeout(() => socket.destroy(), limits.drainMs)
    request.once('close', () => clearTimeout(timer))
  })
}

// A caller that wants the connection closed afterwards gets its answer too: the rest of a refused body
// is read and dropped first, as a reset would overtake what was written.
function letRestDrain(socket: Socket, current: WeakMap<Duplex, ServerResponse>): void {
  const destroySoon = socket.destroySoon.bind(socket)
  socket.destroySoon = () => {
    const request = current.get(socket)?.req
    if (!request || request.complete) {
      destroySoon()
      return
    }
    socket.end()
    request.once('close', () => socket.destroy())
  }
}

function toParserError(error: ParserError, options: ConnectionOptions): AppError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return createTimeout()
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new AppError(
      'header_too_large',
      'Cannot read the head of the request: it is too large',
      {
        status: 431,
      },
    )
  }
  const line = REQUEST_LINE.exec(error.rawPacket?.toString('latin1') ?? '')
  if (error.code === 'HPE_INVALID_METHOD' && line) {
    return toMethodError(options.methodsOf(pathOf(line[1] ?? '')))
  }
  return new AppError('malformed_request', 'Cannot read the request: it is not HTTP/1.1', {
    status: 400,
  })
}

/** 405 with `Allow` on a known path, 404 elsewhere. */
export function toMethodError(methods: readonly string[]): AppError {
  if (methods.length === 0) {
    return new AppError('not_found', 'Cannot find what this path names', { status: 404 })
  }
  return new AppError('method_not_allowed', 'Cannot use this method here: see Allow', {
    status: 405,
    details: { headers: { Allow: methods.join(', ') } },
  })
}

function createTimeout(): AppError {
  return new AppError('request_timeout', 'Cannot wait longer for the request: it stands still', {
    status: 408,
  })
}

function pathOf(target: string): string {
  return target.split('?')[0] ?? ''
}

function refuse(socket: Duplex, error: AppError): void {
  const requestId = randomUUID()
  const body = JSON.stringify(toProblem(error, { requestId, path: '' }))
  const headers = {
    ...listErrorHeaders(error),
    'X-Request-Id': requestId,
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n${head.join('')}\r\n${body}`,
    () => socket.destroy(),
  )
}
