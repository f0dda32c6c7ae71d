import { checkHeader, type HeaderVerdict } from '../../../core/csv/header.ts'
import { licenseLayout } from '../../../core/license/columns.ts'
import { fullRow } from '../../support/license-rows.ts'

const all = Object.keys(fullRow)
const row = Object.values(fullRow).join(',')
const names = all.join(',')
const required = licenseLayout.required.join(',')

test.each<[string, string | Buffer, { bodyByte: number; bodyLine: number }]>([
  ['LF', `${names}\n${row}\n`, { bodyByte: names.length + 1, bodyLine: 2 }],
  ['CRLF', `${names}\r\n${row}\r\n`, { bodyByte: names.length + 2, bodyLine: 2 }],
  ['a mark', `\ufeff${names}\n${row}`, { bodyByte: names.length + 4, bodyLine: 2 }],
  ['blank lines before it', `\r\n \n${names}\n`, { bodyByte: names.length + 5, bodyLine: 4 }],
  ['no rows', names, { bodyByte: names.length, bodyLine: 2 }],
  [
    'quoted names',
    `"${all.join('","')}"\n`,
    { bodyByte: names.length + 2 * all.length + 1, bodyLine: 2 },
  ],
])('checkHeader() takes a header with %s', (_, content, body) => {
  expect(check(content)).toEqual({
    ok: true,
    header: {
      columns: all,
      minCells: all.indexOf('homeAddressPostalCode') + 1,
      maxCells: 22,
      ...body,
    },
  })
})

test('checkHeader() takes the columns in any order, optional ones left out', () => {
  const reversed = licenseLayout.required.toReversed()
  expect(check(`${reversed.join(',')}\n`)).toMatchObject({
    header: { columns: reversed, minCells: reversed.length, maxCells: reversed.length },
  })
})

test('checkHeader() takes the columns compact and jurisdiction, and empty cells at the end', () => {
  expect(check(`compact,${required},jurisdiction,,,\n`)).toMatchObject({
    header: {
      columns: ['compact', ...licenseLayout.required, 'jurisdiction'],
      minCells: licenseLayout.required.length + 1,
      maxCells: licenseLayout.required.length + 5,
    },
  })
})

test.each<[string, string | Buffer, string, string]>([
  ['an empty file', '', 'no_header', 'the file has no text'],
  ['a blank file', '\r\n  \n\n', 'no_header', 'the file has no text'],
  ['a mark and nothing else', '\ufeff', 'no_header', 'the file has no text'],
  ['a row in place of the header', `${row}\n${row}\n`, 'no_header', 'line 1 has no name'],
  ['commas only', ',,,,\n', 'no_header', 'line 1 has no name'],
  [
    'UTF-16 with a little-endian mark',
    Buffer.from(`\ufeff${names}\n`, 'utf16le'),
    'utf16',
    'line 1, byte 1: the file is UTF-16',
  ],
  [
    'UTF-16 with a big-endian mark',
    Buffer.from(`\ufeff${names}\n`, 'utf16le').swap16(),
    'utf16',
    'line 1, byte 1: the file is UTF-16',
  ],
  [
    'UTF-16 without a mark, little-endian',
    Buffer.from(`${names}\n${row}`, 'utf16le'),
    'utf16',
    'line 1, byte 2: the file is UTF-16',
  ],
  [
    'UTF-16 without a mark, big-endian',
    Buffer.from(`${names}\n${row}`, 'utf16le').swap16(),
    'utf16',
    'line 1, byte 1: the file is UTF-16',
  ],
  ['UTF-32', Buffer.from('fffe00007300000073000000', 'hex'), 'utf16', 'UTF-32'],
  ['a NUL', `${names}\0\n`, 'binary', `line 1, byte ${names.length + 1}: the file is binary`],
  ['an Excel workbook', Buffer.from('504b03041400', 'hex'), 'binary', 'Excel workbook'],
  ['an old Excel workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'binary', 'old Excel'],
  ['a PDF', '%PDF-1.7\n', 'binary', 'PDF'],
  ['gzip', Buffer.from('1f8b0800', 'hex'), 'binary', 'gzip'],
  ['random bytes', Buffer.from('8950010203ff00fe0a', 'hex'), 'binary', 'line 1, byte 7'],
  ['control characters', 'ss\u0001n,npi\n', 'binary', 'line 1, byte 3'],
  [
    'Latin-1 in the header',
    Buffer.from(`${names},pr\u00e9nom\n`, 'latin1'),
    'not_utf8',
    `line 1, byte ${names.length + 4}: the header is not UTF-8`,
  ],
  [
    'Windows-1252 in the header',
    Buffer.concat([Buffer.from(`\n${names},it`), Buffer.from([0x92]), Buffer.from('s\n')]),
    'not_utf8',
    `line 2, byte ${names.length + 5}`,
  ],
  ['CR alone', `${names}\r${row}\r`, 'wrong_line_breaks', `line 1, byte ${names.length + 1}`],
  ['semicolons', `${all.join(';')}\n`, 'wrong_separator', 'separated by ";", did you mean ","'],
  ['semicolons and quotes', `"${all.join('";"')}"\n`, 'wrong_separator', '";"'],
  ['tabs', `${all.join('\t')}\n`, 'wrong_separator', 'separated by TAB, did you mean ","'],
  ['bars', `${all.join(' | ')}\n`, 'wrong_separator', 'separated by "|"'],
  ['an open quote', `"${names}\n`, 'malformed_header', 'line 1: malformed quotes'],
  ['a stray quote', `ss"n,${names}\n`, 'malformed_header', 'line 1: malformed quotes'],
  ['a name over two lines', `"ss\nn",${names}\n`, 'malformed_header', 'malformed quotes'],
  ['a header without end', `${names},${'x'.repeat(70_000)}`, 'header_too_long', '65536 bytes'],
  [
    'a column twice',
    `${names},ssn,npi,ssn\n`,
    'duplicate_column',
    'column "ssn" is there more than once; column "npi" is there more than once',
  ],
  ['a nameless column', `ssn,,${names.slice(4)}\n`, 'unnamed_column', 'cell 2 has no name'],
  [
    'columns missing',
    `${names.replace('ssn,', '').replace('familyName,', '')}\n`,
    'missing_column',
    'missing required column "ssn"; missing required column "familyName"',
  ],
  [
    'a column named like a property of every object',
    `${names},constructor\n`,
    'unknown_column',
    'unknown column "constructor"',
  ],
  [
    'an unknown column',
    `${names},favouriteColour\n`,
    'unknown_column',
    'unknown column "favouriteColour"',
  ],
])('checkHeader() refuses %s', (...[, content, code, message]) => {
  const verdict = check(content)
  expect(verdict).toMatchObject({ ok: false, fault: { code, line: expect.any(Number) as number } })
  expect(verdict.ok || verdict.fault.message).toContain(message)
})

test.each([
  ['SSN', 'ssn'],
  ['LicenseType', 'licenseType'],
  ['license_type', 'licenseType'],
  ['License Type', 'licenseType'],
  ['licenceType', 'licenseType'],
  ['lisenceType', 'licenseType'],
  [' ssn', 'ssn'],
  ['familyname', 'familyName'],
  ['dateOfExpiry', 'dateOfExpiration'],
  ['homeAddressZip', 'homeAddressPostalCode'],
  ['lastName', 'familyName'],
  ['Last Name', 'familyName'],
  ['DOB', 'dateOfBirth'],
  ['homeAddresStreet1', 'homeAddressStreet1'],
])('checkHeader() asks of a column %j whether %s was meant, and of nothing else', (name, meant) => {
  const verdict = check(`${names.replace(meant, name)}\n`)
  expect(verdict).toMatchObject({
    fault: {
      code: 'unknown_column',
      message: `Cannot use header in line 1: unknown column "${name}", did you mean "${meant}"?`,
    },
  })
})

test('checkHeader() says all that is wrong with the columns in one message', () => {
  const verdict = check(`${names.replace('npi', 'NPI').replace('ssn,', '')},npi,npi\n`)
  expect(verdict).toMatchObject({
    fault: {
      code: 'unknown_column',
      message:
        'Cannot use header in line 1: unknown column "NPI", did you mean "npi"?; ' +
        'column "npi" is there more than once; missing required column "ssn"',
    },
  })
})

test('checkHeader() never quotes a row that stands in place of the header', () => {
  const message = JSON.stringify(check(`${row},oh,al,Son\n`))
  for (const cell of Object.values(fullRow)) expect(message).not.toContain(cell)
})

test('checkHeader() never quotes a row that lost its line break to the header', () => {
  const message = JSON.stringify(check(`${names}${row},${row}\n`))
  for (const cell of Object.values(fullRow)) expect(message).not.toContain(cell)
  expect(message).toContain(`unknown column in cell ${all.length}`)
})

function check(content: string | Buffer): HeaderVerdict {
  return checkHeader(Buffer.from(content as Buffer), licenseLayout)
}
