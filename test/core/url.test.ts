import { readUrl } from '../../core/url.ts'

test('readUrl() takes hosts of every script, however often it was asked before', () => {
  for (let count = 0; count < 20_000; count += 1) readUrl(`https://host.example/${count}`)
  for (let count = 0; count < 1_000; count += 1) {
    expect(readUrl('https://bücher.example/')?.host).toBe('xn--bcher-kva.example')
  }
})

test('readUrl() answers nothing for what is no URL', () => {
  expect(['', 'no url', 'https://', '/path'].map((text) => readUrl(text))).toEqual(
    Array.from({ length: 4 }, () => undefined),
  )
  expect(readUrl('/path?a=1', 'https://base.invalid')?.search).toBe('?a=1')
})
