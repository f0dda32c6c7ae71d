import { expect, test } from '@jest/globals'
import { isCron } from '../../../core/roster/cron.ts'
import { listRosterSchedules } from '../../../core/roster/schedule.ts'

const id = '01990a5e-1111-7000-8000-3d9b6c1f0a42'
const every = { intervalSeconds: 3600 }

function list(kind: 'clever' | 'classlink', schedule?: object | null) {
  const settings = { timeZone: 'America/Chicago', ...(schedule !== undefined && { schedule }) }
  return listRosterSchedules({ id, kind, settings: settings as never }, every)
}

test('a provider that says nothing runs at the default interval, and whole once a week', () => {
  const [incremental, full] = list('clever')
  expect(incremental).toEqual({
    mode: 'incremental',
    when: { everyMs: 3_600_000 },
    jitterMs: 60_000,
  })
  expect(full).toMatchObject({
    mode: 'full',
    when: { cron: expect.stringMatching(/^\d+ [1-4] \* \* [0-6]$/), timeZone: 'America/Chicago' },
  })
})

test('ClassLink runs whole each night', () => {
  const when = list('classlink')[1]?.when
  const cron = when && 'cron' in when ? when.cron : ''
  expect(cron).toMatch(/^\d+ [1-4] \* \* \*$/)
  expect(isCron(cron)).toBe(true)
})

test.each([
  [{ everySeconds: 5 }, { when: { everyMs: 5_000 }, jitterMs: 500 }],
  [{ cron: '0 * * * *' }, { when: { cron: '0 * * * *', timeZone: 'America/Chicago' } }],
  [
    { cron: '0 * * * *', timeZone: 'Europe/Berlin' },
    { when: { cron: '0 * * * *', timeZone: 'Europe/Berlin' } },
  ],
])('%j is followed', (schedule, expected) => {
  expect(list('clever', schedule)[0]).toMatchObject(expected)
})

test('null means that nothing runs by itself', () => {
  expect(list('classlink', null)).toEqual([])
})
