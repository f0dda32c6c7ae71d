import { fc } from '../support/properties.ts'
import { createChunkParser, type ChunkParser } from '../../activities/license/chunk-parser.ts'
import type { ParserSetup } from '../../activities/license/chunk-input.ts'
import { checkHeader } from '../../core/csv/header.ts'
import { writeLine } from '../../core/csv/write.ts'
import { licenseLayout } from '../../core/license/columns.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { licenseFieldNames } from '../../core/license/fields.ts'
import { stagingColumns } from '../../db/license/staging.ts'
import { fullRow, wildRow } from '../support/license-rows.ts'

const setup: ParserSetup = {
  fieldKeyId: 'test',
  fieldKey: Buffer.alloc(32, 1),
  hashKey: Buffer.alloc(32, 2),
  compacts: defaultCompacts,
}
const uploadId = '00000000-0000-7000-8000-000000000000'
const place = { uploadId, compact: 'aslp', jurisdiction: 'oh' }

/** A staged row without what is drawn at random, and in which chunk it was. */
type Staged = Readonly<Record<string, string>>
type Read = { readonly staged: Staged[]; readonly faults: string[]; readonly records: number }

function readFile(parser: ChunkParser, text: string, targetBytes: number): Read {
  const bytes = Buffer.from(text)
  const verdict = checkHeader(bytes, licenseLayout)
  if (!verdict.ok) throw new Error(verdict.fault.message)
  const { header } = verdict
  const from = { byte: header.bodyByte, line: header.bodyLine, record: 1 }
  const body = bytes.subarray(header.bodyByte)
  const { chunks } = parser.index({
    bytes: body,
    options: { width: header, from, isLast: true, targetBytes },
  })
  const read: Read & { records: number } = { staged: [], faults: [], records: 0 }
  for (const [chunk, found] of chunks.entries()) {
    const start = { byte: found.byteStart, line: found.firstLine, record: found.firstRecord }
    const part = bytes.subarray(found.byteStart, found.byteEnd)
    const source = { kind: 'csv', bytes: part, header, from: start } as const
    const parsed = parser.parse(chunk, { ...place, chunk, source })
    read.records += parsed.records
    read.faults.push(...parsed.faults.flatMap(toLines).map(withoutChunkAndCipher))
    read.staged.push(...parser.finish(chunk, nobody).flatMap(toLines).map(toStaged))
  }
  return read
}

const nobody = { ids: new Uint8Array(), contents: '' }

function toLines(part: Uint8Array): string[] {
  return Buffer.from(part).toString().split('\n').slice(0, -1)
}

function toStaged(line: string): Staged {
  const cells = line.split('\t')
  expect(cells).toHaveLength(stagingColumns.length)
  const drawn = ['provider_id', 'ssn_cipher', 'chunk']
  const pairs = stagingColumns.map((name, index) => [name, cells[index] ?? ''] as const)
  return Object.fromEntries(pairs.filter(([name]) => !drawn.includes(name)))
}

function withoutChunkAndCipher(line: string): string {
  const [upload, record, kind, , firstLine, lastLine, errors] = line.split('\t')
  return [upload, record, kind, firstLine, lastLine, errors].join('\t')
}

function toText(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = rows.map((row) => writeLine(licenseFieldNames.map((name) => toCell(row[name]))))
  return writeLine(licenseFieldNames) + lines.join('')
}

function toCell(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/[\0\n]/g, '') : ''
}

test('createChunkParser() stages the same rows and says the same of them for any chunk size', () => {
  const parser = createChunkParser(setup)
  fc.assert(
    fc.property(
      fc.array(wildRow, { maxLength: 12 }),
      fc.integer({ min: 1, max: 900 }),
      (...input) => {
        const [rows, targetBytes] = input
        const text = toText(rows)
        const whole = readFile(parser, text, 1_000_000)
        expect(readFile(parser, text, targetBytes)).toEqual(whole)
        expect(whole.records).toBeGreaterThanOrEqual(whole.staged.length)
      },
    ),
  )
})

test('createChunkParser() writes no SSN in clear', () => {
  const parser = createChunkParser(setup)
  const bytes = Buffer.from(toText([fullRow, { ...fullRow, licenseStatus: 'no' }]))
  const verdict = checkHeader(bytes, licenseLayout)
  if (!verdict.ok) throw new Error(verdict.fault.message)
  const from = { byte: verdict.header.bodyByte, line: 2, record: 1 }
  const source = {
    kind: 'csv',
    bytes: bytes.subarray(from.byte),
    header: verdict.header,
    from,
  } as const
  const parsed = parser.parse(1, { ...place, chunk: 0, source })
  const written = [...parsed.faults, ...parser.finish(1, nobody)].map(toLines).flat().join('\n')
  expect(parsed).toMatchObject({ records: 2, rejected: 1 })
  expect(written).not.toContain('123-45')
})

test('createChunkParser() leaves out the fields of a row that is stored already', () => {
  const parser = createChunkParser(setup)
  const records = [fullRow, { ...fullRow, licenseType: 'speech-language pathologist' }]
  const source = { kind: 'records', bytes: Buffer.from(JSON.stringify(records)) } as const
  const parse = (job: number): Uint8Array =>
    parser.parse(job, { ...place, chunk: 0, source }).ssnHashes
  expect(parse(1)).toHaveLength(16)
  const [first, second] = parser.finish(1, nobody).flatMap(toLines).map(toStaged)
  parse(2)
  const ids = Buffer.from(uploadId.replaceAll('-', ''), 'hex')
  const contents = first?.['content_hash']?.slice(3) ?? ''
  const again = parser.finish(2, { ids, contents }).flatMap(toLines).map(toStaged)
  expect(again).toMatchObject([
    { content_hash: first?.['content_hash'], family_name: '\\N', outcome: 'unchanged' },
    { content_hash: second?.['content_hash'], family_name: fullRow.familyName, outcome: '\\N' },
  ])
  expect(first?.['content_hash']).not.toBe(second?.['content_hash'])
})

test('createChunkParser() refuses a chunk of a compact that is not configured any more', () => {
  const parser = createChunkParser(setup)
  const source = { kind: 'records', bytes: Buffer.from('[]') } as const
  expect(() => parser.parse(1, { ...place, compact: 'gone', chunk: 0, source })).toThrow(
    'Cannot ingest for compact "gone": it is not configured any more',
  )
})
