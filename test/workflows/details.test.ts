import { formatDetails } from '../../workflows/details.ts'

test('formatDetails() shows a heading and a table, with thousands apart and without what is absent', () => {
  const text = formatDetails('Ingesting', {
    state: 'ingesting',
    records: 1_234_567,
    eta: undefined,
  })
  expect(text).toBe(
    '**Ingesting**\n\n| | |\n|---|---:|\n| state | ingesting |\n| records | 1,234,567 |',
  )
})

test('formatDetails() shows a heading alone when there is nothing to count yet', () => {
  expect(formatDetails('Waiting for the file', {})).toBe('**Waiting for the file**')
})
