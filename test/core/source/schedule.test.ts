import { readSchedule } from '../../../core/source/schedule.ts'

test.each([
  ['5s', { everyMs: 5_000 }],
  ['15m', { everyMs: 900_000 }],
  ['1h', { everyMs: 3_600_000 }],
  ['0 2 * * * Europe/Paris', { cron: '0 2 * * *', timeZone: 'Europe/Paris' }],
  ['CRON_TZ=Europe/Paris 0 2 * * 1-5', { cron: '0 2 * * 1-5', timeZone: 'Europe/Paris' }],
  ['0s', undefined],
  ['soon', undefined],
  ['0 2 * * *', undefined],
  ['0 2 * * * Mars/Olympus', undefined],
  ['CRON_TZ=Europe/Paris 0 2 * *', undefined],
])('readSchedule() reads "%s"', (text, expected) => {
  expect(readSchedule(text)).toEqual(expected)
})
