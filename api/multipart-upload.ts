import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import busboy, { type Busboy } from 'busboy'
import { AppError } from '../core/errors.ts'

const LIMITS = { files: 1, fields: 20, parts: 22, fieldSize: 16 * 1024, fieldNameSize: 100 }
const FILE_FIELD = 'file'
const BROKEN = 'it is incomplete or malformed'

/** A multipart form whose file has just begun. */
export type OpenedForm = {
  /** What stood before the file; names in lower case. */
  readonly fields: ReadonlyMap<string, string>
  /** The file's bytes as they come; nothing of it is kept in memory. */
  readonly file: Readable
  /** Resolves once the whole body was read and well-formed; rejects with `invalid_form` (400). */
  readonly finished: Promise<void>
  /** What is known to be wrong with the body, once its bytes broke off. */
  readonly fault: () => AppError | undefined
  /** Stops reading; what still comes is dropped. */
  readonly close: () => void
}

/**
 * Reads a form as S3's POST Object takes it, up to its one file, which comes last. Throws
 * `invalid_form` (400).
 */
export async function openUploadForm(request: IncomingMessage): Promise<OpenedForm> {
  const parser = createParser(request)
  const fields = new Map<string, string>()
  const body = followBody(parser)
  const close = (): void => {
    request.unpipe(parser)
    parser.destroy()
    request.resume()
  }
  watchFields(parser, fields, body.refuse)
  request.once('close', () => {
    if (!request.complete) parser.destroy()
  })
  const opened = findFile(parser, body)
  request.pipe(parser)
  try {
    return { ...body, fields, file: await opened, close }
  } catch (error) {
    close()
    throw error
  }
}

type FollowedBody = Pick<OpenedForm, 'finished' | 'fault'> & {
  readonly refuse: (reason: string, cause?: unknown) => void
}

function followBody(parser: Busboy): FollowedBody {
  let fault: AppError | undefined
  let settle = (): void => {}
  const refuse = (reason: string, cause?: unknown): void => {
    fault ??= createFault(reason, cause)
    settle()
  }
  const finished = new Promise<void>((resolve, reject) => {
    settle = () => (fault ? reject(fault) : resolve())
  })
  // Refusals may come before anybody waits for them.
  finished.catch(() => {})
  parser.once('error', (cause) => refuse(BROKEN, cause))
  parser.once('close', () => settle())
  return { finished, fault: () => fault, refuse }
}

async function findFile(parser: Busboy, body: FollowedBody): Promise<Readable> {
  const file = new Promise<Readable>((resolve) => {
    parser.once('file', (name, stream) => {
      stream.on('error', (cause) => body.refuse(BROKEN, cause))
      if (name !== FILE_FIELD) body.refuse(`its file must be named "${FILE_FIELD}"`)
      resolve(stream)
    })
  })
  const found = await Promise.race([file, body.finished])
  const fault = body.fault()
  if (fault) throw fault
  return found ?? throwFault('it has no file')
}

function createParser(request: IncomingMessage): Busboy {
  try {
    return busboy({ headers: request.headers, limits: LIMITS })
  } catch (error) {
    throw createFault('its Content-Type names no boundary', error)
  }
}

function watchFields(
  parser: Busboy,
  fields: Map<string, string>,
  refuse: (reason: string) => void,
): void {
  let isFileSeen = false
  parser.on('file', () => {
    isFileSeen = true
  })
  parser.on('field', (given: string | undefined, value, { valueTruncated }) => {
    const name = given?.toLowerCase() ?? ''
    if (isFileSeen) refuse('its file must be the last part')
    else if (name === FILE_FIELD) refuse('its file must be sent as a file, with a file name')
    else if (fields.has(name)) refuse('it has a field twice')
    else if (valueTruncated) refuse('a field is too long')
    else fields.set(name, value)
  })
  for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
    parser.on(event, () => refuse('it has too many parts'))
  }
}

function throwFault(reason: string): never {
  throw createFault(reason)
}

function createFault(reason: string, cause?: unknown): AppError {
  return new AppError('invalid_form', `Cannot read the form: ${reason}`, { status: 400, cause })
}
