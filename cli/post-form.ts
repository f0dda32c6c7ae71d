import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { basename } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { AppError } from '../core/errors.ts'

export type FormPost = {
  readonly url: string
  /** The form's fields, in their order. */
  readonly fields: Readonly<Record<string, string>>
  readonly path: string
  readonly sizeBytes: number
  /** Told how many bytes of the file are on their way. */
  readonly onProgress: (sentBytes: number) => void
}

/**
 * Sends a file to an upload form (S3's POST Object), a piece at a time; throws `upload_refused`
 * with what the store answers, `upload_unsent` when it cannot be reached.
 */
export async function postForm(post: FormPost): Promise<void> {
  const { status, body } = await exchange(post).catch((cause: unknown) => {
    const { origin } = new URL(post.url)
    throw new AppError(
      'upload_unsent',
      `Cannot send the file to "${origin}": the connection failed`,
      {
        status: 503,
        expose: true,
        cause,
      },
    )
  })
  if (status >= 200 && status < 300) return
  throw new AppError('upload_refused', `Cannot upload the file: ${describeRefusal(status, body)}`, {
    status,
    expose: true,
  })
}

type Answer = { readonly status: number; readonly body: string }

async function exchange(post: FormPost): Promise<Answer> {
  const { head, tail, contentType } = createFrame(post)
  const send = new URL(post.url).protocol === 'https:' ? httpsRequest : httpRequest
  const request = send(post.url, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      // S3 takes no chunked forms.
      'content-length': head.length + post.sizeBytes + tail.length,
    },
  })
  const answer = readAnswer(request)
  // Once there is an answer, what becomes of the rest does not matter.
  request.on('error', () => {})
  request.write(head)
  const file = createReadStream(post.path, { end: Math.max(post.sizeBytes - 1, 0) })
  const sent = pipeline(file, createCounter(post.onProgress), request, { end: false }).then(() =>
    request.end(tail),
  )
  // An answer may come before the end of the file: a refusal that says more than a broken pipe.
  try {
    await Promise.race([answer, sent])
    return await answer
  } finally {
    file.destroy()
    request.destroy()
  }
}

async function readAnswer(request: ClientRequest): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
  return { status: response.statusCode ?? 0, body: await text(response) }
}

function createFrame({ fields, path }: FormPost): {
  head: Buffer
  tail: Buffer
  contentType: string
} {
  const boundary = `registrar-${randomUUID()}`
  const parts = Object.entries({ ...fields, 'Content-Type': 'text/csv' }).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const fileName = encodeURIComponent(basename(path))
  const file =
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\n` +
    'Content-Type: text/csv\r\n\r\n'
  return {
    head: Buffer.from(`${parts.join('')}${file}`),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
    contentType: `multipart/form-data; boundary=${boundary}`,
  }
}

function createCounter(onProgress: (sentBytes: number) => void): Transform {
  let sentBytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sentBytes += chunk.length
      onProgress(sentBytes)
      done(null, chunk)
    },
  })
}

// The API answers with a problem, S3 with XML.
function describeRefusal(status: number, body: string): string {
  const detail = /"detail":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1]
  const message = /<Message>([^<]*)<\/Message>/.exec(body)?.[1]
  return `${status} ${detail ?? message ?? ''}`.trim()
}
