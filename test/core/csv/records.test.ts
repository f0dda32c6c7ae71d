import { fc } from '../../support/properties.ts'
import { parse } from 'csv-parse/sync'
import { readRecords, type CsvRecord } from '../../../core/csv/records.ts'
import { fileStart, header, readWhole, smallRowBytes, wildFile } from '../../support/csv-files.ts'

type Told = [lines: string, cells: readonly string[] | string]

test.each<[string, string, Told[]]>([
  [
    'LF',
    '1,2,3\n4,5,6\n',
    [
      ['1', ['1', '2', '3']],
      ['2', ['4', '5', '6']],
    ],
  ],
  [
    'CRLF',
    '1,2,3\r\n4,5,6\r\n',
    [
      ['1', ['1', '2', '3']],
      ['2', ['4', '5', '6']],
    ],
  ],
  [
    'no last line break',
    '1,2,3\n4,5,6',
    [
      ['1', ['1', '2', '3']],
      ['2', ['4', '5', '6']],
    ],
  ],
  [
    'blank lines',
    '\n1,2,3\r\n \t\r\n\n4,5,6\n\n',
    [
      ['2', ['1', '2', '3']],
      ['5', ['4', '5', '6']],
    ],
  ],
  ['nothing', '', []],
  ['blank lines only', '\r\n\n  \n', []],
  ['empty cells', ',,\n', [['1', ['', '', '']]]],
  ['a short row', '1,2\n', [['1', ['1', '2']]]],
  ['empty cells beyond the columns', '1,2,3, \n', [['1', ['1', '2', '3', ' ']]]],
  ['quoted commas and quotes', '"1,1","2""2",""\n', [['1', ['1,1', '2"2', '']]]],
  [
    'a quoted line break',
    '1,"2\r\n2",3\n4,5,6\n',
    [
      ['1-2', ['1', '2\r\n2', '3']],
      ['3', ['4', '5', '6']],
    ],
  ],
  ['a quoted blank line', '1,"\n\n2",3\n', [['1-3', ['1', '\n\n2', '3']]]],
  ['a lone CR', '1,2\r3,4\n', [['1', ['1', '2\r3', '4']]]],
  ['a longer row', '1,2,3,4\n', [['1', 'too_many_cells']]],
  ['a much longer row', '1,2,3,,\n', [['1', 'too_many_cells']]],
  [
    'a stray quote',
    '1,2"2,3\n4,5\n',
    [
      ['1', 'malformed_quote'],
      ['2', ['4', '5']],
    ],
  ],
  [
    'text behind a quote',
    '"1"1,2,3\n4\n',
    [
      ['1', 'malformed_quote'],
      ['2', ['4']],
    ],
  ],
  ['a space before a quote', '1, "2",3\n', [['1', 'malformed_quote']]],
  [
    'an open quote before a row',
    '1,"2,3\n4,5,6\n',
    [
      ['1', 'malformed_quote'],
      ['2', ['4', '5', '6']],
    ],
  ],
  [
    'an open quote at the end',
    '1,2,3\n4,"5\n',
    [
      ['1', ['1', '2', '3']],
      ['2', 'malformed_quote'],
    ],
  ],
  [
    'an open quote before lines that are no rows',
    '1,"2,3\n4\n\n5"x\n6,7\n',
    [
      ['1-4', 'malformed_quote'],
      ['5', ['6', '7']],
    ],
  ],
  [
    'two open quotes that would make one cell of the rows between them',
    '"1,2,3\n4,5,6\n7,8,9\nx,y,"\n',
    [
      ['1', 'malformed_quote'],
      ['2', ['4', '5', '6']],
      ['3', ['7', '8', '9']],
      ['4', 'malformed_quote'],
    ],
  ],
  [
    'an open quote before a row with quotes',
    '"1,2,3\n"4","5,5","6"\n',
    [
      ['1', 'malformed_quote'],
      ['2', ['4', '5,5', '6']],
    ],
  ],
  [
    'a cell of many lines that makes its row too long',
    '1,"\n\n2",3,4,5\nx\n6,7\n',
    [
      ['1-4', 'malformed_quote'],
      ['5', ['6', '7']],
    ],
  ],
  [
    'a row over the limit',
    `1,2,3\n${'x'.repeat(smallRowBytes + 1)}\n4,5,6\n`,
    [
      ['1', ['1', '2', '3']],
      ['2', 'row_too_long'],
      ['3', ['4', '5', '6']],
    ],
  ],
  ['a row at the limit', `${'x'.repeat(smallRowBytes)}\n`, [['1', ['x'.repeat(smallRowBytes)]]]],
  [
    'a cell of many lines over the limit',
    `1,"${'x\n'.repeat(smallRowBytes / 2)}",3\n4,5,6\n`,
    [
      ['1-19', 'malformed_quote'],
      ['20', ['x']],
      ['21', 'malformed_quote'],
      ['22', ['4', '5', '6']],
    ],
  ],
  [
    'a NUL',
    '1,2,3\n4,\0,6\n',
    [
      ['1', ['1', '2', '3']],
      ['2', 'nul_byte'],
    ],
  ],
  ['characters of every length', 'é,例,\u{1f600}\n', [['1', ['é', '例', '\u{1f600}']]]],
  ['a replacement character', '\ufffd,2,3\n', [['1', ['\ufffd', '2', '3']]]],
])('readRecords() tells apart %s', (_, content, told) => {
  expect(readWhole(Buffer.from(content)).map(tell)).toEqual(told)
})

test.each(['e9', 'c3', 'c0af', 'e08080', 'eda080', 'f0808080', 'f4908080', 'f8888080', '80', 'ff'])(
  'readRecords() refuses only the row with the bytes %s, which are not UTF-8',
  (hex) => {
    const bytes = Buffer.concat([
      Buffer.from('1,2,3\né,"\n'),
      Buffer.from(hex, 'hex'),
      Buffer.from('",x\n4,5,6\n'),
    ])
    const records = readWhole(bytes)
    expect(records.map(tell)).toEqual([
      ['1', ['1', '2', '3']],
      ['2-3', 'invalid_utf8'],
      ['4', ['4', '5', '6']],
    ])
    expect(records[1]?.fault?.message).toBe('Not valid UTF-8 at line 3, byte 1.')
  },
)

test('readRecords() numbers records and tells where they stand', () => {
  const records = readRecords(Buffer.from('\n1,2\n"3\n",4\r\n'), {
    header,
    from: { byte: 100, line: 10, record: 7 },
  })
  expect([...records]).toEqual([
    { record: 7, firstLine: 11, lastLine: 11, byteStart: 101, byteEnd: 105, cells: ['1', '2'] },
    { record: 8, firstLine: 12, lastLine: 13, byteStart: 105, byteEnd: 113, cells: ['3\n', '4'] },
  ])
})

test('readRecords() never throws, and has every line that is not blank in exactly one record', () => {
  fc.assert(
    fc.property(wildFile, (bytes) => {
      const covered = readWhole(bytes).flatMap(listLines)
      expect(new Set(covered).size).toBe(covered.length)
      const lines = bytes.toString('latin1').split('\n')
      const blank = new Set(
        lines.flatMap((line, index) => (/[^\s]/.test(asAscii(line)) ? [] : [index + 1])),
      )
      const all = lines.map((_, index) => index + 1)
      expect(all.filter((line) => !blank.has(line) && !covered.includes(line))).toEqual([])
    }),
    { numRuns: 5_000 },
  )
})

test('readRecords() numbers records without a gap, in the order of the file', () => {
  fc.assert(
    fc.property(wildFile, (bytes) => {
      const records = readWhole(bytes)
      expect(records.map(({ record }) => record)).toEqual(records.map((_, index) => index + 1))
      for (const [index, { byteStart, byteEnd, lastLine }] of records.entries()) {
        expect(byteEnd).toBeGreaterThan(byteStart)
        expect(records[index + 1]?.byteStart ?? byteEnd).toBeGreaterThanOrEqual(byteEnd)
        expect(records[index + 1]?.firstLine ?? lastLine + 1).toBeGreaterThan(lastLine)
      }
    }),
  )
})

test('readRecords() loses no line that can be read by itself as a valid row', () => {
  const rows = fc.array(fc.constantFrom('1,2,3', '"a","b,b"', '"a""",b,c,'), { minLength: 1 })
  fc.assert(
    fc.property(wildFile, rows, wildFile, (before, lines, after) => {
      const bytes = Buffer.concat([before, Buffer.from(`\n${lines.join('\n')}\n`), after])
      const first = before.toString('latin1').split('\n').length + 1
      const single = readWhole(bytes)
        .filter(({ fault }) => fault === undefined)
        .map(({ firstLine }) => firstLine)
      expect(single).toEqual(expect.arrayContaining(lines.map((_, index) => first + index)))
    }),
    { numRuns: 2_000 },
  )
})

test('readRecords() reads well-formed files as csv-parse does', () => {
  const listRows = (...parts: string[]): fc.Arbitrary<string> => {
    const cell = fc
      .array(fc.constantFrom('a', '1', 'é', ' ', '"', '""', '\u{1f600}', ...parts), {
        maxLength: 6,
      })
      .map((chosen) => chosen.join(''))
    const quoted = cell.map((text) => `"${text.replaceAll('"', '""')}"`)
    const bare = cell.map((text) => text.replaceAll(/[",\r\n]/g, ''))
    const either = fc.oneof(quoted, bare)
    return fc.tuple(either, either, quoted).map(String)
  }
  // With both in one row, a line of a cell may look like a row, and then is read as one.
  const row = fc.oneof(listRows(','), listRows('\n', '\r\n'))
  const lineBreak = fc.constantFrom('\n', '\r\n')
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), lineBreak, (rows, end) => {
      const bytes = Buffer.from(rows.map((line) => `${line}${end}`).join(''))
      const records = readRecords(bytes, { header: { ...header, minCells: 3 }, from: fileStart })
      const cells = [...records].map((record) => record.cells)
      expect(cells).toEqual(parse(bytes, { record_delimiter: end, relax_column_count: true }))
    }),
    { numRuns: 2_000 },
  )
})

function tell({ firstLine, lastLine, cells, fault }: CsvRecord): Told {
  const lines = firstLine === lastLine ? String(firstLine) : `${firstLine}-${lastLine}`
  return [lines, fault?.code ?? cells]
}

function listLines({ firstLine, lastLine }: CsvRecord): number[] {
  return Array.from({ length: lastLine - firstLine + 1 }, (_, index) => firstLine + index)
}

// NBSP and NEL, which are no white space in bytes, are made visible.
function asAscii(line: string): string {
  return line.replaceAll(/[\x80-\xff]/g, 'x')
}
