import type { Payload } from '@temporalio/common'
import { z } from 'zod'
import { isAppError, AppError } from '../../core/errors.ts'
import type { ApiContext } from '../context.ts'
import { SESSION_COOKIE } from '../cors.ts'
import { defineRoute, type Route } from '../guard.ts'

const LIMIT_BYTES = 16 * 1024 * 1024
const MAX_PAYLOADS = 10_000

// Payloads in proto3's JSON form: bytes are base64; what is not ours stays as it is.
const payload = z.looseObject({
  metadata: z.record(z.string(), z.base64()).nullish(),
  data: z.base64().nullish(),
})
const payloads = z.object({ payloads: z.array(payload).max(MAX_PAYLOADS) })
const example = { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'eyJhIjoxfQ==' }] }

type JsonPayload = z.infer<typeof payload>

/** `POST /v1/codec/decode`: decrypts payloads for the Temporal UI and CLI, by the protocol of codec servers. */
export const decodePayloads = defineCodecRoute('decode', 'Decrypts Temporal payloads')

/** `POST /v1/codec/encode`: encrypts payloads that an operator sends by the Temporal UI or CLI. */
export const encodePayloads = defineCodecRoute('encode', 'Encrypts Temporal payloads')

/** `POST /v1/codec/session`: lets the browser of the caller use the codec without a token in each call. */
export const openCodecSession = defineRoute(
  {
    method: 'POST',
    path: '/v1/codec/session',
    operationId: 'openCodecSession',
    summary: 'Opens a session for the Temporal UI',
    description:
      'Sets an HttpOnly, SameSite=Strict cookie with the token of this request; the page ' +
      '/docs/temporal-ui does it for you. The codec takes it from the configured UI only.',
    tags: ['operation'],
    auth: { anyScope: ['codec:read'] },
    responses: {
      204: { description: 'The cookie is set', headers: { 'Set-Cookie': 'The session' } },
    },
  },
  async ({ headers, origin }) => {
    const token = (headers.authorization ?? '').replace(/^bearer +/i, '').trim()
    const secure = origin.startsWith('https:') ? '; Secure' : ''
    const cookie = `${SESSION_COOKIE}=${token}; Path=/v1/codec; HttpOnly; SameSite=Strict${secure}`
    return await Promise.resolve({ status: 204, headers: { 'Set-Cookie': cookie } })
  },
)

function defineCodecRoute(work: 'encode' | 'decode', summary: string): Route {
  return defineRoute(
    {
      method: 'POST',
      path: `/v1/codec/${work}`,
      operationId: `${work}Payloads`,
      summary,
      description: 'The protocol of Temporal codec servers; payloads of others pass through.',
      tags: ['operation'],
      auth: { anyScope: ['codec:read'] },
      cors: 'temporal-ui',
      // Sent by the UI; we have no storage references.
      query: z.object({ preserveStorageRefs: z.string().optional() }),
      body: { kind: 'json', schema: payloads, example, limitBytes: LIMIT_BYTES },
      responses: { 200: { description: 'The payloads, in order', schema: payloads, example } },
    },
    async ({ body }, { codec }) => {
      const result = await convert(codec, work, body.payloads.map(fromJson))
      return {
        status: 200,
        body: {
          payloads: result.map((one, index) => ({ ...body.payloads[index], ...toJson(one) })),
        },
      }
    },
  )
}

async function convert(
  codec: ApiContext['codec'],
  work: 'encode' | 'decode',
  given: Payload[],
): Promise<Payload[]> {
  try {
    return await codec[work](given)
  } catch (cause) {
    if (!isAppError(cause, 'undecryptable') && !isAppError(cause, 'unknown_key')) throw cause
    throw new AppError(
      cause.code,
      'Cannot decrypt a payload: it was altered, or its key is not in the key ring',
      { status: 422, cause },
    )
  }
}

function fromJson({ metadata, data }: JsonPayload): Payload {
  const entries = Object.entries(metadata ?? {})
  return {
    metadata: Object.fromEntries(
      entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(data ?? '', 'base64'),
  }
}

function toJson({ metadata, data }: Payload): JsonPayload {
  const entries = Object.entries(metadata ?? {})
  return {
    metadata: Object.fromEntries(
      entries.map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(data ?? []).toString('base64'),
  }
}
