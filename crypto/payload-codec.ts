import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Payload, PayloadCodec } from '@temporalio/common'
import proto from '@temporalio/proto'
import { AppError } from '../core/errors.ts'
import type { KeyRing } from './key-ring.ts'

export type { PayloadCodec }

export type PayloadCodecOptions = {
  readonly ring: KeyRing
  /** The Temporal namespace that payloads are bound to. */
  readonly namespace: string
}

const ENCODING = 'binary/encrypted'
const KEY_ID_FIELD = 'encryption-key-id'
const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const { Payload: PayloadMessage } = proto.temporal.api.common.v1

/**
 * Creates the codec that keeps payloads unreadable for the engine: AES-256-GCM over the whole payload
 * (nonce, ciphertext, tag), bound to the namespace. Payloads that it did not encrypt pass through;
 * decoding throws `unknown_key` for a key not in the ring and `undecryptable` for another namespace.
 */
export function createPayloadCodec(options: PayloadCodecOptions): PayloadCodec {
  const scope: CodecScope = {
    ...options,
    aad: Buffer.from(`registrar-payload/v1:${options.namespace}`),
  }
  return {
    encode: async (payloads) => payloads.map((payload) => encrypt(scope, payload)),
    decode: async (payloads) => payloads.map((payload) => decrypt(scope, payload)),
  }
}

type CodecScope = PayloadCodecOptions & { readonly aad: Buffer }

function encrypt({ ring, namespace, aad }: CodecScope, payload: Payload): Payload {
  const nonce = randomBytes(NONCE_BYTES)
  const key = ring.derive('codec', ring.currentId, namespace)
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(aad)
  const body = cipher.update(PayloadMessage.encode(payload).finish())
  cipher.final()
  return {
    metadata: { encoding: Buffer.from(ENCODING), [KEY_ID_FIELD]: Buffer.from(ring.currentId) },
    data: Buffer.concat([nonce, body, cipher.getAuthTag()]),
  }
}

function decrypt(scope: CodecScope, payload: Payload): Payload {
  const keyId = payload.metadata?.[KEY_ID_FIELD]
  const encoding = payload.metadata?.['encoding']
  if (!keyId || !encoding || Buffer.from(encoding).toString() !== ENCODING) return payload
  const key = scope.ring.derive('codec', Buffer.from(keyId).toString(), scope.namespace)
  const data = Buffer.from(payload.data ?? [])
  try {
    const decipher = createDecipheriv(ALGORITHM, key, data.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(scope.aad).setAuthTag(data.subarray(-TAG_BYTES))
    const plain = decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES))
    decipher.final()
    return toPayload(plain)
  } catch (cause) {
    return throwUndecryptable(scope.namespace, cause)
  }
}

// A plain object, as the SDK makes them: protobufjs messages carry prototypes.
function toPayload(bytes: Uint8Array): Payload {
  const { metadata, data, externalPayloads } = PayloadMessage.decode(bytes)
  return { metadata, data, ...(externalPayloads.length > 0 && { externalPayloads }) }
}

function throwUndecryptable(namespace: string, cause: unknown): never {
  throw new AppError(
    'undecryptable',
    `Cannot decrypt a payload in namespace "${namespace}": it was altered or belongs to another one`,
    { status: 500, cause },
  )
}
