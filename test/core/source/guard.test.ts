import { judgeRun, type RunShape } from '../../../core/source/guard.ts'

const calm: RunShape = {
  read: 100,
  unreadable: 0,
  readBefore: 100,
  known: 100,
  leavers: 0,
}
const guard = { count: 5, share: 0.1 }

test.each<[string, Partial<RunShape>, string | undefined]>([
  ['nobody leaves', {}, undefined],
  ['as many leave as may', { leavers: 10 }, undefined],
  ['one more leaves', { leavers: 11 }, 'leavers'],
  ['few leave of few', { known: 10, readBefore: 10, read: 6, leavers: 5 }, undefined],
  ['more than few leave of few', { known: 10, readBefore: 10, read: 6, leavers: 6 }, 'leavers'],
  ['nothing is read', { read: 0 }, 'empty'],
  ['nothing was ever read', { read: 0, readBefore: 0, known: 0 }, 'empty'],
  ['more than half is read', { read: 51 }, undefined],
  ['half is read', { read: 50 }, 'shrunk'],
  ['a leaver may be an unreadable row', { leavers: 1, unreadable: 1 }, 'unreadable'],
  ['a row is unreadable', { unreadable: 1 }, undefined],
])('judgeRun() where %s', (_, change, reason) => {
  expect(judgeRun({ ...calm, ...change }, guard)?.reason).toBe(reason)
})
