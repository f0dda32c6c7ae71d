import { binaryFile, headerNotUtf8, wrongEncoding, wrongLineBreaks } from './file-faults.ts'
import type { FileFault, FilePlace } from './file-faults.ts'
import type { HeaderLine } from './header-line.ts'
import { carriageReturn } from './lines.ts'
import { decodeText } from './utf8.ts'

const utf32Marks = ['fffe0000', '0000feff']
const utf16Marks = ['fffe', 'feff']

const signatures: Readonly<Record<string, string>> = {
  '504b0304': 'a ZIP archive or an Excel workbook',
  d0cf11e0: 'an old Excel workbook',
  '25504446': 'a PDF document',
  '1f8b': 'compressed by gzip',
}

const firstByte: FilePlace = { line: 1, byte: 1 }
// The control characters that no text file has; tabs and line breaks have their own messages.
const binaryCharacters = /[^\P{Cc}\t-\r\x80-\x9f]/u

/** What shows, from the file's start to the end of its header, that it is no UTF-8 text. */
export function findContentFault(bytes: Buffer, line: HeaderLine): FileFault | undefined {
  return findMark(bytes) ?? findNul(bytes, line) ?? findForeignByte(bytes, line)
}

function findMark(bytes: Buffer): FileFault | undefined {
  const start = bytes.toString('hex', 0, 4)
  if (utf32Marks.includes(start)) return wrongEncoding('UTF-32', firstByte)
  if (utf16Marks.some((mark) => start.startsWith(mark))) return wrongEncoding('UTF-16', firstByte)
  const known = Object.entries(signatures).find(([signature]) => start.startsWith(signature))
  return known && binaryFile(known[1], firstByte)
}

function findNul(bytes: Buffer, line: HeaderLine): FileFault | undefined {
  const nul = bytes.subarray(0, line.end).indexOf(0)
  if (nul === -1) return undefined
  const place = placeOf(nul, line)
  return looksLikeUtf16(bytes) ? wrongEncoding('UTF-16', place) : binaryFile('binary', place)
}

// Names of columns are ASCII: in UTF-16 every other byte of them is NUL.
function looksLikeUtf16(bytes: Buffer): boolean {
  const sample = bytes.subarray(0, 64)
  const nuls = [0, 0]
  sample.forEach((byte, index) => {
    if (byte === 0) nuls[index % 2] = (nuls[index % 2] ?? 0) + 1
  })
  const most = Math.max(...nuls)
  return Math.min(...nuls) === 0 && most >= 2 && most >= Math.floor(sample.length / 2) - 1
}

function findForeignByte(bytes: Buffer, line: HeaderLine): FileFault | undefined {
  const { text, badByte } = decodeText(bytes, line.start, line.contentEnd)
  if (badByte !== undefined) {
    const place = placeOf(badByte, line)
    return hasBinary(bytes, line) ? binaryFile('binary', place) : headerNotUtf8(place)
  }
  if (text.includes('\r')) {
    return wrongLineBreaks(placeOf(bytes.indexOf(carriageReturn, line.start), line))
  }
  const control = text.search(binaryCharacters)
  if (control === -1) return undefined
  return binaryFile('binary', placeOf(line.start + Buffer.byteLength(text.slice(0, control)), line))
}

function hasBinary(bytes: Buffer, line: HeaderLine): boolean {
  return binaryCharacters.test(bytes.toString('latin1', line.start, line.contentEnd))
}

function placeOf(offset: number, line: HeaderLine): FilePlace {
  return { line: line.number, byte: offset + 1 }
}
