import { maskCell } from '../../api/presenters/ssn-mask.ts'

test.each([
  ['123-45-6789', '***-**-6789'],
  ['123456789', '*****6789'],
  ['123-45-678', '***-*5-678'],
  [' １２３-４５-６７８９ ', ' ***-**-６７８９ '],
  ['6789', '****'],
  ['none', 'none'],
  ['', ''],
])('maskCell() shows of the column ssn the last four digits: %s', (value, masked) => {
  expect(maskCell('ssn', value)).toBe(masked)
})

test.each([
  ['123-45-6789', '***-**-6789'],
  ['call 123 45 6789 now', 'call *** ** 6789 now'],
  ['123456789', '*****6789'],
  ['123-456789', '***-**6789'],
  ['123-45-678', '***-*5-678'],
])('maskCell() masks what looks like an SSN in any column: %s', (value, masked) => {
  expect(maskCell('familyName', value)).toBe(masked)
})

test.each([
  ['homeAddressPostalCode', '35004-1234'],
  ['dateOfBirth', '1984-07-15'],
  ['dateOfBirth', '07/15/1984'],
  ['npi', '1234567893'],
  ['phoneNumber', '+12025550100'],
  ['phoneNumber', '202-555-0100'],
  ['homeAddressStreet1', '123 45th Street, Apt 6789'],
  ['licenseNumber', 'A-0608337'],
])('maskCell() leaves other cells as they are: %s %s', (column, value) => {
  expect(maskCell(column, value)).toBe(value)
})
