import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import type { KeyRing } from './key-ring.ts'

/** Signs and opens list cursors, so that callers can neither forge one nor use it on another list. */
export type CursorSigner = {
  /** An opaque URL-safe string that carries `position`; `scope` names the list and its filters. */
  readonly sign: (scope: string, position: unknown) => string
  /** The position that was signed for this scope; throws `invalid_cursor` (400) for anything else. */
  readonly open: (scope: string, cursor: string) => unknown
}

const TAG_BYTES = 16
const MAX_CURSOR_LENGTH = 2048
const SHAPE = /^([A-Za-z0-9._-]{1,32})~([A-Za-z0-9_-]+)~([A-Za-z0-9_-]+)$/

/** Builds the signer over the key ring: HMAC-SHA-256, any key of the ring opens, the current one signs. */
export function createCursorSigner(ring: KeyRing): CursorSigner {
  const tagOf = (id: string, scope: string, payload: string): string =>
    createHmac('sha256', ring.derive('cursor', id))
      .update(`${scope}\u0000${payload}`)
      .digest()
      .subarray(0, TAG_BYTES)
      .toString('base64url')
  return {
    sign(scope, position) {
      const payload = Buffer.from(JSON.stringify(position)).toString('base64url')
      const tag = tagOf(ring.currentId, scope, payload)
      return `${ring.currentId}~${payload}~${tag}`
    },
    open(scope, cursor) {
      const [, id, payload, tag] = (cursor.length <= MAX_CURSOR_LENGTH && SHAPE.exec(cursor)) || []
      if (id === undefined || payload === undefined || tag === undefined) throwInvalidCursor()
      if (!ring.ids.includes(id)) throwInvalidCursor()
      if (!isSame(tag, tagOf(id, scope, payload))) throwInvalidCursor()
      return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    },
  }
}

// As text: base64 has more than one spelling for the same bytes.
function isSame(given: string, expected: string): boolean {
  return (
    given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
  )
}

function throwInvalidCursor(): never {
  throw new AppError(
    'invalid_cursor',
    'Cannot use this cursor: take it unchanged from the previous page of the same list',
    { status: 400 },
  )
}
