import { nameStagingTable } from './staging.ts'

/** What applying one chunk needs to know; ids, never a row. */
export type ApplyScope = {
  readonly uploadId: string
  readonly chunk: number
  readonly compact: string
  readonly jurisdiction: string
  /** The upload's place in the jurisdiction's order of receipt. */
  readonly sequence: number
  readonly actor: string
  readonly requestId: string
  readonly workflowId: string
  /** The day in the jurisdiction's time zone, `YYYY-MM-DD`: a license that ended before it has expired. */
  readonly today: string
  /** License type → abbreviation, for the subject of an audit entry. */
  readonly abbreviations: Readonly<Record<string, string>>
}

/** What the chunk's rows of known providers mean, row by row. */
export type Outcome =
  | 'created'
  | 'deactivated'
  | 'renewed'
  | 'updated'
  /** Unchanged, but noted as seen so that an older upload, still open, does not win. */
  | 'confirmed'
  | 'unchanged'
  | 'stale'

export type OutcomeCounts = Readonly<Partial<Record<Outcome, number>>>

/** SQL: the staged rows `s` that become licenses of their own. */
export const isCreated = `(s.ssn_cipher is not null or s.outcome = 'created')`

/** SQL: the staged rows `s` that change a license. */
export const isChanged = `s.outcome in ('deactivated', 'renewed', 'updated')`

/** SQL: the upload's staging table, as `s`. */
export function fromStaged(scope: Pick<ApplyScope, 'uploadId'>): string {
  return `${nameStagingTable(scope.uploadId)} s`
}
