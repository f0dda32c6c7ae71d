import { fc } from '../../support/properties.ts'
import { parse } from 'csv-parse/sync'
import { writeLine, writeSafeLine } from '../../../core/csv/write.ts'

const cell = fc
  .array(fc.constantFrom('a', ' ', ',', '"', '\n', '\r', '\t', '=', '+', '-', '@', "'", 'é'), {
    maxLength: 5,
  })
  .map((parts) => parts.join(''))
const cells = fc.array(cell, { minLength: 2, maxLength: 5 })

test('writeLine() writes what a CSV reader reads back', () => {
  fc.assert(
    fc.property(cells, (line) => {
      expect(parse(writeLine(line), { record_delimiter: '\r\n' })).toEqual([line])
    }),
  )
})

test('writeSafeLine() starts no cell like a formula and changes no other', () => {
  fc.assert(
    fc.property(cells, (line) => {
      expect(parse(writeSafeLine(line), { record_delimiter: '\r\n' })).toEqual([
        line.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)),
      ])
    }),
  )
})

test.each([
  ['=1+1', "'=1+1"],
  ['+13213214321', "'+13213214321"],
  ['-1', "'-1"],
  ['@SUM(1)', "'@SUM(1)"],
  ['\t=1', "'\t=1"],
  ['\r=1', `"'\r=1"`],
  ['"=1', '"""=1"'],
  ["O'Brien", "O'Brien"],
  ['a=1', 'a=1'],
])('writeSafeLine() writes %j as %j', (text, written) => {
  expect(writeSafeLine([text])).toBe(`${written}\r\n`)
})
