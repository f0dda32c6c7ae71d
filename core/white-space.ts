const whiteSpace = /^\p{White_Space}$/u

/** The text without Unicode white space (White_Space=yes) at both ends. */
export function trimWhiteSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start += 1
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end -= 1
  return end - start === text.length ? text : text.slice(start, end)
}

/** True when nothing but Unicode white space is in the text. */
export function isBlank(text: string): boolean {
  return text.length === 0 || (isWhiteSpace(text.charCodeAt(0)) && trimWhiteSpace(text) === '')
}

function isWhiteSpace(code: number): boolean {
  if (code > 0x20 && code < 0x7f) return false
  return code === 0x20 || whiteSpace.test(String.fromCharCode(code))
}
