import { AppError } from '../core/errors.ts'

/** The strong ETag (RFC 9110 §8.8.3) of a row at a version. */
export function createEtag(version: number | string): string {
  return `"${version}"`
}

/**
 * Throws `precondition_required` (428) without `If-Match`, and `precondition_failed` (412) unless
 * one of its tags equals the row's strongly or it is `*`.
 */
export function assertIfMatch(header: string | undefined, etag: string): void {
  if (header === undefined) {
    throw new AppError(
      'precondition_required',
      'Cannot change this without If-Match: send the ETag that you read',
      { status: 428 },
    )
  }
  const tags = header.split(',').map((tag) => tag.trim())
  if (tags.includes('*') || tags.includes(etag)) return
  throw new AppError(
    'precondition_failed',
    'Cannot change this: it has changed since you read it',
    {
      status: 412,
    },
  )
}

/** True when `If-None-Match` (RFC 9110 §13.1.2) names this tag, compared weakly, or is `*`. */
export function isCurrent(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
