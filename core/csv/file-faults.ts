/** Why a whole file is refused; the code never changes, line and byte count from 1. */
export type FileFault = {
  readonly code: string
  readonly message: string
  readonly line?: number
  readonly byte?: number
}

/** Physical line and byte of the file, both from 1. */
export type FilePlace = { readonly line: number; readonly byte: number }

/** There is no line that could be a header. */
export const emptyFile: FileFault = {
  code: 'no_header',
  message: 'Cannot find a header: the file has no text; its first line must name the columns',
  line: 1,
}

/** The first line names no column at all. */
export function noHeader(line: number, required: readonly string[]): FileFault {
  return {
    code: 'no_header',
    message:
      `Cannot find a header: line ${line} has no name of a column; ` +
      `the first line must name the columns, "${required.join(',')}" at least`,
    line,
  }
}

/** The file is in another encoding than UTF-8, found at this place. */
export function wrongEncoding(encoding: 'UTF-16' | 'UTF-32', place: FilePlace): FileFault {
  return {
    code: 'utf16',
    message: `${describePlace(place)}: the file is ${encoding}; save it as "CSV UTF-8"`,
    ...place,
  }
}

/** A byte of the header is not UTF-8. */
export function headerNotUtf8(place: FilePlace): FileFault {
  return {
    code: 'not_utf8',
    message:
      `${describePlace(place)}: the header is not UTF-8, ` +
      'as in files saved as Latin-1 or Windows-1252; save it as "CSV UTF-8"',
    ...place,
  }
}

/** The content is no text, `what` where that is known. */
export function binaryFile(what: string, place: FilePlace): FileFault {
  return {
    code: 'binary',
    message: `${describePlace(place)}: the file is ${what}; save the table as "CSV UTF-8"`,
    ...place,
  }
}

/** Lines end with CR alone. */
export function wrongLineBreaks(place: FilePlace): FileFault {
  return {
    code: 'wrong_line_breaks',
    message: `${describePlace(place)}: lines end with CR alone; use CRLF or LF`,
    ...place,
  }
}

/** The header is over the limit of bytes. */
export function headerTooLong(line: number, maxBytes: number): FileFault {
  return {
    code: 'header_too_long',
    message: `Cannot read header in line ${line}: it is longer than ${maxBytes} bytes`,
    line,
  }
}

/** The quotes of the header contradict RFC 4180, or a name has a line break. */
export function malformedHeader(line: number): FileFault {
  return {
    code: 'malformed_header',
    message:
      `Cannot read header in line ${line}: malformed quotes; ` +
      'close each quote in the same line and double each one inside a name',
    line,
  }
}

/** The names are separated, but not by commas. */
export function wrongSeparator(line: number, separator: string): FileFault {
  return {
    code: 'wrong_separator',
    message: `Cannot read header in line ${line}: cells are separated by ${separator}, did you mean ","`,
    line,
  }
}

function describePlace({ line, byte }: FilePlace): string {
  return `Cannot read file at line ${line}, byte ${byte}`
}
