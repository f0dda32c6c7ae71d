import type { Output } from '../output.ts'
import type { RunFile } from '../run-file.ts'
import type { DemoBoard } from './board.ts'
import type { DemoStep } from './steps.ts'

/** The demo's document: what `--json` prints. */
export type DemoSummary = {
  readonly ok: boolean
  readonly steps: readonly DemoStep[]
  readonly apiUrl: string | null
  readonly docsUrl: string | null
  readonly temporalUiUrl: string | null
}

/** Sums up the steps; without a run nothing could be started. */
export function createSummary(steps: readonly DemoStep[], run: RunFile | undefined): DemoSummary {
  return {
    ok: steps.every((step) => step.ok),
    steps,
    apiUrl: run?.apiUrl ?? null,
    docsUrl: run ? `${run.apiUrl}/docs` : null,
    temporalUiUrl: run?.temporalUiUrl ?? null,
  }
}

/** Shows the summary table, one line a step, what went otherwise than it should, and where things are. */
export function showSummary(output: Output, summary: DemoSummary): void {
  const { steps, apiUrl, docsUrl, temporalUiUrl } = summary
  output.line('')
  output.table(
    ['step', 'outcome', 'rows read', 'accepted', 'rejected', 'duration'],
    steps.map(({ name, outcome, rows, seconds }) => [
      name,
      outcome,
      formatCount(rows?.read),
      formatCount(rows?.accepted),
      formatCount(rows?.rejected),
      `${seconds.toFixed(1)} s`,
    ]),
  )
  for (const { name, surprises, reason } of steps) {
    if (reason !== undefined) output.line(`Skipped: ${name}: ${reason}`)
    for (const surprise of surprises) output.line(`${name}: ${surprise}`)
  }
  const places = { API: apiUrl, 'API docs': docsUrl, 'Temporal UI': temporalUiUrl }
  for (const [place, url] of Object.entries(places)) {
    if (url !== null) output.line(`${place.padEnd(12)} ${url}`)
  }
}

export type NextCalls = {
  readonly run: RunFile
  readonly board: DemoBoard
  /** As it has to be given to other commands. */
  readonly dataDir: string | undefined
}

/** Shows how to go on by hand, while everything is up. */
export function showNextCalls(output: Output, { run, board, dataDir }: NextCalls): void {
  const compact = board.compact.abbreviation
  const dataDirFlag = dataDir === undefined ? '' : ` --data-dir ${dataDir}`
  output.line('\nLook people up yourself:')
  output.line(
    `  TOKEN=$(npx registrar token --subject me --scope "${compact}/readGeneral"${dataDirFlag})`,
  )
  output.line(
    `  curl -s ${run.apiUrl}/v1/compacts/${compact}/providers/query -H "Authorization: Bearer $TOKEN" \\`,
  )
  output.line(
    `    -H 'Content-Type: application/json' -d '{"query":{"familyName":"gud"},"pagination":{"pageSize":5}}'`,
  )
}

function formatCount(count: number | undefined): string {
  return count === undefined ? '–' : count.toLocaleString('en')
}
