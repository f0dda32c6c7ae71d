import { isEmailAddress } from '../../../core/license/email-address.ts'

test.each([
  'a@b.co',
  'bjork.gudmunds-dottir+tag@mail.example.com',
  "o'brien@example.org",
  'a@example.museum',
  'björk@example.is',
  '用户@例子.中国',
  'अजय@डाटा.भारत',
  'user@bücher.example',
  'user@xn--bcher-kva.example',
  '\u{1f600}@example.com',
  '!#$%&*/=?^_`{|}~@example.com',
  `a@${'b'.repeat(63)}.com`,
  'a@1.example4.com',
])('isEmailAddress() takes %s', (address) => {
  expect(isEmailAddress(address)).toBe(true)
})

test.each([
  '',
  'a',
  'a@',
  '@example.com',
  'a@example',
  'a@example.com.',
  'a@.example.com',
  'a@example..com',
  'a@-example.com',
  'a@example-.com',
  'a@example.com-',
  'a@exa_mple.com',
  'a@[127.0.0.1]',
  'a@127.0.0.1',
  'a b@example.com',
  'a@exam ple.com',
  '.a@example.com',
  'a.@example.com',
  'a..b@example.com',
  '"a"@example.com',
  '"a b"@example.com',
  'a@b@example.com',
  'a,b@example.com',
  'a;b@example.com',
  '<a@example.com>',
  'a(b)@example.com',
  'a\u00a0b@example.com',
  'a\u0007b@example.com',
  'a\ud800@example.com',
  'é@exa mple.com',
  `a@${'b'.repeat(64)}.com`,
  'a@example.com\nb',
])('isEmailAddress() refuses %j', (address) => {
  expect(isEmailAddress(address)).toBe(false)
})

test.each([
  'a'.repeat(60_000),
  'a.'.repeat(30_000),
  `a@${'a.'.repeat(30_000)}`,
  `a@${'a-'.repeat(30_000)}`,
  `é@${'é'.repeat(60_000)}`,
])('isEmailAddress() judges even a long text at once', (address) => {
  const start = performance.now()
  expect(isEmailAddress(address)).toBe(false)
  expect(performance.now() - start).toBeLessThan(3_000)
})
