/**
 * The URL that a text spells, by the WHATWG URL Standard; undefined when it is none. `URL.canParse`
 * is not asked: once hot, that of Node.js 20 refuses hosts like `bücher.example`.
 */
export function readUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
