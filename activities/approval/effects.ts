import type { DecidedApproval } from '../../db/approval/effect.ts'

/** What a domain does about its approvals; everything here may run twice for one approval. */
export type ApprovalEffect = {
  /** The subject as it stands now, undefined when it is gone: what was approved is applied to nothing else. */
  readonly loadSubject?: (
    approval: DecidedApproval,
  ) => Promise<{ readonly hash: string } | undefined>
  /** Brings about what was approved. An AppError with a 4xx status is final, others are tried again. */
  readonly apply: (approval: DecidedApproval) => Promise<void>
  /** Reads back whether what `apply` does is there. */
  readonly isApplied: (approval: DecidedApproval) => Promise<boolean>
  /** Does what follows from another end: denied, expired, withdrawn, superseded, revoked. */
  readonly settle?: (approval: DecidedApproval) => Promise<void>
}

/** By type of approval. */
export type ApprovalEffects = ReadonlyMap<string, ApprovalEffect>
