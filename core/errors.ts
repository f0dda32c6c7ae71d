/** One fault of a request's body, as RFC 9457 members: a JSON pointer, a stable code and a sentence. */
export type FieldFault = {
  readonly pointer: string
  readonly code: string
  readonly detail: string
}

export type AppErrorOptions = {
  /** HTTP status, 400 to 503. */
  readonly status: number
  /** Whether the message may leave the service; 5xx messages stay inside unless said. */
  readonly expose?: boolean
  readonly details?: Readonly<Record<string, unknown>>
  /** Seconds after which the caller should try again (`Retry-After`). */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** The only error the product throws on purpose: a stable `code`, a status, and a message without personal data. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: string
  readonly status: number
  readonly expose: boolean
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = options.status
    this.expose = options.expose ?? options.status < 500
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** True when `error` is an AppError with this code. */
export function isAppError(error: unknown, code?: string): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code)
}
