import type { Verdict } from '../../core/roster/target.ts'
import type { ScimAnswer, Tries } from './calls.ts'

/** Why a target did not take one record. */
export type Refusal = { readonly code: string; readonly message: string }

/** The refusal that an answer is. */
export function toRefusal({ status, scimType }: ScimAnswer): Refusal {
  const reason = scimType === undefined ? '' : ` (${scimType})`
  return { code: `http_${status}`, message: `The target refuses it with ${status}${reason}` }
}

/** True for 200, 201, 204 and their like: servers choose freely among them. */
export function isSuccess({ status }: { readonly status: number }): boolean {
  return status >= 200 && status < 300
}

/** True when somebody else has what has to be unique, whether the server says 409 or not. */
export function isTaken({ status, scimType }: ScimAnswer): boolean {
  return status === 409 || scimType === 'uniqueness'
}

/** True when the version that was written over is not the newest, or has to be named. */
export function isOutdated({ status }: ScimAnswer): boolean {
  return status === 412 || status === 428
}

/** True when the server does not know the method. */
export function isUnsupported({ status }: ScimAnswer): boolean {
  return status === 405 || status === 501
}

/** A verdict of success. */
export function succeed(
  id: string,
  scimId: string,
  { outcome, tries }: { readonly outcome: 'done' | 'adopted' | 'unchanged'; readonly tries: Tries },
): Verdict {
  return { id, outcome, scimId, attempts: tries.count }
}

/** A verdict of failure. */
export function fail(id: string, { code, message }: Refusal, tries: Tries): Verdict {
  return { id, outcome: 'failed', code, message, attempts: tries.count }
}
