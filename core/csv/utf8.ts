const replacement = '\ufffd'
const beyondText = /[\0\x80-\xff]/

export type DecodedText = {
  readonly text: string
  /** Index in the bytes of the first that is not UTF-8, or is NUL. */
  readonly badByte?: number
}

/** The text of bytes `[start, end)`; what is not UTF-8 becomes U+FFFD, and its place is told. */
export function decodeText(bytes: Buffer, start: number, end: number): DecodedText {
  const latin1 = bytes.toString('latin1', start, end)
  if (!beyondText.test(latin1)) return { text: latin1 }
  const text = bytes.toString('utf8', start, end)
  const nul = latin1.indexOf('\0')
  const invalid = text.includes(replacement) ? findInvalidByte(latin1) : -1
  if (nul === -1 && invalid === -1) return { text }
  const first = Math.min(...[nul, invalid].filter((index) => index !== -1))
  return { text, badByte: start + first }
}

// Over a text of one character per byte; -1 when all of it is UTF-8 (RFC 3629, section 4).
function findInvalidByte(latin1: string): number {
  let index = 0
  while (index < latin1.length) {
    const length = sequenceLengthAt(latin1, index)
    if (length === 0) return index
    index += length
  }
  return -1
}

const sequences = [
  /[\0-\x7f]/y,
  /[\xc2-\xdf][\x80-\xbf]/y,
  /\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]/y,
  /\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/y,
]

function sequenceLengthAt(latin1: string, index: number): number {
  return (
    1 +
    sequences.findIndex((sequence) => {
      sequence.lastIndex = index
      return sequence.test(latin1)
    })
  )
}
