import { createSummary, showSummary } from '../../../cli/demo/summary.ts'
import { skipStep, takeStep } from '../../../cli/demo/steps.ts'
import type { Output } from '../../../cli/output.ts'

const reason = 'it is not installed'

test('a step that cannot be taken is skipped, whatever it found', async () => {
  const step = await takeStep('arrival', async () => {
    return await Promise.resolve({ surprises: [], reason })
  })
  expect(step).toEqual(skipStep('arrival', reason))
  expect(step).toMatchObject({ ok: true, outcome: 'skipped' })
})

test('the summary says of every skipped step why, and is fine all the same', () => {
  const lines: string[] = []
  const output: Output = {
    json: false,
    line: (text) => void lines.push(text),
    progress: () => {},
    table: (_, rows) => void lines.push(...rows.map((row) => row.join(' '))),
    result: () => {},
  }
  const summary = createSummary([skipStep('arrival at directory', reason)], undefined)
  showSummary(output, summary)
  expect(summary.ok).toBe(true)
  expect(lines.join('\n')).toMatch(/arrival at directory skipped[^]*Skipped: .*it is not installed/)
})
