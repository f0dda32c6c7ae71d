// Letters that stand for others in names and have no decomposition in Unicode.
const LETTERS: Readonly<Record<string, string>> = {
  æ: 'ae',
  ð: 'd',
  ø: 'o',
  þ: 'th',
  đ: 'd',
  ħ: 'h',
  ı: 'i',
  ł: 'l',
  ŋ: 'n',
  œ: 'oe',
  ŧ: 't',
  ς: 'σ',
  '’': "'",
}
const LETTER_PATTERN = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu')
// Nothing in it to fold: no runs of white space either.
const PLAIN = /^(?: ?[a-z'.-])* ?$/
const HALF_CHARACTER = /[\uD800-\uDBFF]$/
// Some characters fold to eighteen others, and an index row has a limit.
const MAX_LENGTH = 200

/** The key under which a name is found: case and accents folded away, at most 200 UTF-16 units. */
export function foldName(name: string): string {
  const lower = name.toLowerCase()
  if (PLAIN.test(lower)) return lower
  return lower
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .replaceAll(LETTER_PATTERN, (letter) => LETTERS[letter] ?? letter)
    .replaceAll(/\s+/gu, ' ')
    .slice(0, MAX_LENGTH)
    .replace(HALF_CHARACTER, '')
}
