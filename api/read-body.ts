import type { IncomingMessage } from 'node:http'
import { AppError } from '../core/errors.ts'

export const DEFAULT_LIMIT_BYTES = 1024 * 1024

/**
 * The media type of a request, in lower case and without parameters; undefined where none is sent.
 * Throws `unsupported_media_type` (415) for a charset other than UTF-8.
 */
function parseMediaType(header: string | undefined): string | undefined {
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim())
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.toLowerCase().split('=')
    if (name === 'charset' && !['utf-8', 'utf8'].includes(value.replaceAll('"', ''))) {
      throwUnsupported('charset=utf-8')
    }
  }
  return type === '' ? undefined : type.toLowerCase()
}

/** Throws `unsupported_media_type` (415) unless the request has one of these types, uncompressed. */
export function assertMediaType(request: IncomingMessage, accepted: readonly string[]): void {
  const type = parseMediaType(request.headers['content-type'])
  if (type === undefined || !accepted.includes(type)) throwUnsupported(accepted.join(', '))
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throwUnsupported('no Content-Encoding')
}

/** Reads a whole body; throws `body_too_large` (413) at once when it is or grows over the limit. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throwTooLarge(limitBytes)
  const parts: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const part of request.iterator({ destroyOnReturn: false })) {
      sizeBytes += (part as Buffer).length // the stream has no encoding set
      if (sizeBytes > limitBytes) throwTooLarge(limitBytes)
      parts.push(part as Buffer)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('incomplete_body', 'Cannot read the body: it broke off', {
      status: 400,
      cause: error,
    })
  }
  return Buffer.concat(parts, sizeBytes)
}

function throwTooLarge(limitBytes: number): never {
  throw new AppError('body_too_large', `Cannot take a body over ${limitBytes} bytes`, {
    status: 413,
  })
}

function throwUnsupported(wanted: string): never {
  throw new AppError('unsupported_media_type', `Cannot read this content: send ${wanted}`, {
    status: 415,
  })
}
