import type { SampleCounts } from '../../core/sample/licenses.ts'
import type { UploadView } from '../upload-view.ts'

/** What a step of the demo came to; rows are absent where it is not about rows. */
export type DemoStep = {
  readonly name: string
  readonly ok: boolean
  readonly outcome: 'as expected' | 'surprise' | 'failed' | 'skipped'
  /** What is not as it should be. */
  readonly surprises: readonly string[]
  /** Why it was skipped. */
  readonly reason?: string
  readonly seconds: number
  readonly rows?: StepRows
}

export type StepRows = {
  readonly read: number
  readonly accepted: number
  /** Duplicates included. */
  readonly rejected: number
}

export type StepResult = {
  /** What is otherwise than it should be; nothing when the outcome is the expected one. */
  readonly surprises: readonly string[]
  /** Why it could not be taken here: it is skipped. */
  readonly reason?: string
  readonly rows?: StepRows
  /** Where it is not the time that the step took. */
  readonly seconds?: number
}

/** Runs a step and times it; a failure is its outcome. */
export async function takeStep(name: string, work: () => Promise<StepResult>): Promise<DemoStep> {
  const startedMs = performance.now()
  const elapsed = (): number => Math.round(performance.now() - startedMs) / 1000
  try {
    const { surprises, reason, rows, seconds = elapsed() } = await work()
    if (reason !== undefined) return skipStep(name, reason)
    const ok = surprises.length === 0
    const outcome = ok ? 'as expected' : 'surprise'
    return { name, ok, outcome, surprises, seconds, ...(rows && { rows }) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { name, ok: false, outcome: 'failed', surprises: [reason], seconds: elapsed() }
  }
}

/** A step that cannot be taken here, which is no surprise. */
export function skipStep(name: string, reason: string): DemoStep {
  return { name, ok: true, outcome: 'skipped', surprises: [], reason, seconds: 0 }
}

/** The rows of an upload as the summary shows them. */
export function rowsOf({ counts }: Pick<UploadView, 'counts'>): StepRows {
  return {
    read: counts.records,
    accepted: counts.accepted,
    rejected: counts.rejected + counts.duplicates,
  }
}

type Counts = Omit<SampleCounts, 'faults'>

/** What differs between an upload and the counts it should have. */
export function listSurprises(
  upload: Pick<UploadView, 'state' | 'counts'>,
  expected: Partial<Counts>,
): string[] {
  if (upload.state !== 'completed') return [`the upload is ${upload.state}`]
  const names = Object.keys(expected) as (keyof Counts)[] // its own keys
  return names
    .filter((name) => upload.counts[name] !== expected[name])
    .map((name) => `${name} ${upload.counts[name]}, expected ${expected[name]}`)
}
