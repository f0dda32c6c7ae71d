import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow'

/** The code with which an activity gave up, which is its failure's type; `unexpected` without one. */
export function codeOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error
  return (cause instanceof ApplicationFailure ? cause.type : undefined) ?? 'unexpected'
}
