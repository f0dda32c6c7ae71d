import type { Duration } from '@temporalio/common'

test('a duration that nobody understands does not compile', () => {
  const right: Duration = '3 seconds'
  // @ts-expect-error -- where this compiles, `Duration` has become `any`
  const wrong: Duration = 'banana'
  expect([right, wrong]).toHaveLength(2)
})
