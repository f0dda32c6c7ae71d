import { expect, test } from '@jest/globals'
import { findTimeZoneOfCity, isTimeZone } from '../../core/time-zone.ts'

test.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['Mars/Olympus', false],
  ['+03:00', false],
  ['', false],
])('isTimeZone() judges "%s"', (name, expected) => {
  expect(isTimeZone(name)).toBe(expected)
})

test.each([
  ['Paris', 'Europe/Paris'],
  ['Los Angeles', 'America/Los_Angeles'],
  ['Kolkata', 'Asia/Kolkata'],
  ['Buenos Aires', 'America/Buenos_Aires'],
  ['Atlantis', undefined],
])('findTimeZoneOfCity() finds the zone of %s', (city, expected) => {
  expect(findTimeZoneOfCity(city)).toBe(expected)
})
