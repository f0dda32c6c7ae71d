import { AppError } from '../core/errors.ts'

const REFUSED_KEYS = new Set(['__proto__', 'constructor', 'prototype'])
const MAX_DEPTH = 64
const QUOTE = 0x22
const BACKSLASH = 0x5c
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses a JSON body (RFC 8259) strictly: throws `malformed_json` (400) for bytes that are not
 * UTF-8, wrong syntax, a key given twice, a key that could reach a prototype, or deep nesting.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes)
  const value = parseText(text)
  assertStrictKeys(text)
  return value
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return throwMalformed('it is not UTF-8')
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The engine's message would quote the body.
    return throwMalformed('its syntax is wrong')
  }
}

/** Walks text that `JSON.parse` took: only strings and brackets need a look. */
function assertStrictKeys(text: string): void {
  // Per open bracket the keys seen so far; undefined for an array.
  const open: (Set<string> | undefined)[] = []
  let position = 0
  while (position < text.length) {
    const character = text[position]
    if (character === '"') {
      const end = findStringEnd(text, position)
      if (isKey(text, end)) noteKey(open.at(-1), text.slice(position, end))
      position = end
      continue
    }
    if (character === '{') open.push(new Set())
    if (character === '[') open.push(undefined)
    if (character === '}' || character === ']') open.pop()
    if (open.length > MAX_DEPTH) throwMalformed(`it nests deeper than ${MAX_DEPTH} levels`)
    position += 1
  }
}

function findStringEnd(text: string, start: number): number {
  let position = start + 1
  while (text.charCodeAt(position) !== QUOTE) {
    position += text.charCodeAt(position) === BACKSLASH ? 2 : 1
  }
  return position + 1
}

function isKey(text: string, end: number): boolean {
  let position = end
  while (position < text.length && ' \t\n\r'.includes(text.charAt(position))) position += 1
  return text[position] === ':'
}

function noteKey(keys: Set<string> | undefined, literal: string): void {
  const key = literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1)
  if (REFUSED_KEYS.has(key)) throwMalformed(`the key "${key}" is refused`)
  if (keys?.has(key)) throwMalformed('an object has the same key twice')
  keys?.add(key)
}

function throwMalformed(reason: string): never {
  throw new AppError('malformed_json', `Cannot read the body as JSON: ${reason}`, { status: 400 })
}
