import { showDetails } from './details.ts'

type Phase = 'waiting' | 'validating' | 'ingesting' | 'closing' | 'ended'

/** How far an ingest is, in chunks and rows; what a query answers and operators see. */
export type IngestProgress = {
  readonly phase: Phase
  /** Rows found in the file so far, and whether that is all of them. */
  readonly rowsFound: number
  readonly isIndexed: boolean
  readonly chunks: number
  readonly chunksStaged: number
  readonly chunksApplied: number
  readonly staged: number
  readonly rejected: number
  readonly duplicates: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly stale: number
}

/** The progress of a run that has not begun. */
export const noProgress: IngestProgress = {
  phase: 'waiting',
  rowsFound: 0,
  isIndexed: false,
  chunks: 0,
  chunksStaged: 0,
  chunksApplied: 0,
  staged: 0,
  rejected: 0,
  duplicates: 0,
  created: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
}

/** The counts of the progress, all of which only grow. */
export type IngestCounts = Omit<IngestProgress, 'phase' | 'isIndexed' | 'rowsFound' | 'chunks'>

/** The counts with these added. */
export function addProgress(
  progress: IngestProgress,
  counts: Partial<IngestCounts>,
): Partial<IngestProgress> {
  const added = Object.entries(counts) as [keyof IngestCounts, number][] // its own keys
  return Object.fromEntries(added.map(([name, count]) => [name, progress[name] + count]))
}

/** Shows operators the progress, such as "Validating: 40,000 of 100,000 rows staged, 812 refused". */
export function showProgress(progress: IngestProgress): void {
  const { duplicates, created, updated, unchanged, stale } = progress
  const isApplying = progress.chunksApplied > 0
  showDetails(describeProgress(progress), {
    'Chunks found': progress.chunks,
    'Chunks validated': progress.chunksStaged,
    'Chunks ingested': progress.chunksApplied,
    ...(isApplying ? { Created: created, Updated: updated, Unchanged: unchanged } : {}),
    ...(isApplying ? { Stale: stale, Duplicates: duplicates } : {}),
  })
}

/** One line for operators; counts only. */
export function describeProgress(progress: IngestProgress): string {
  const { phase, staged, rejected } = progress
  const found = `${format(progress.rowsFound)}${progress.isIndexed ? '' : ' or more'}`
  const refused = `${format(rejected)} refused`
  switch (phase) {
    case 'waiting':
      return 'Waiting for the file'
    case 'validating':
      return `Validating: ${format(staged)} of ${found} rows staged, ${refused}`
    case 'ingesting':
      return `Ingesting: ${format(countApplied(progress))} of ${found} rows done, ${refused}`
    case 'closing':
      return `Closing the books: ${found} rows, ${refused}`
    case 'ended':
      return `Ended: ${found} rows, ${refused}`
    default:
      return phase satisfies never
  }
}

function countApplied(progress: IngestProgress): number {
  const { created, updated, unchanged, stale, duplicates, rejected } = progress
  return created + updated + unchanged + stale + duplicates + rejected
}

function format(count: number): string {
  return count.toLocaleString('en-US')
}
