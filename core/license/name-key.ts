// Letters that do not decompose into a base letter and a mark.
const baseLetters: Readonly<Record<string, string>> = {
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ς: 'σ',
}

const plainName = /^[a-z'-]*$/
const marks = /\p{M}+/gu
const others = /[æœøłđðþħıς]/g
// Replaced before decomposition too: some of these would decompose into a space and a mark.
const apostrophes = /[’‘ʼʻ`´]/g
const dashes = /\p{Pd}/gu
const gaps = /\p{White_Space}+/gu

/**
 * The key under which a name is stored and searched: without case, accents and surplus white
 * space; typographic apostrophes and dashes are plain ones. Idempotent.
 */
export function foldName(name: string): string {
  const lower = name.toLowerCase()
  if (plainName.test(lower)) return lower
  return (
    lower
      .replaceAll(apostrophes, "'")
      .normalize('NFKD')
      // By way of upper case, so that "ß" is "ss".
      .toUpperCase()
      .toLowerCase()
      .normalize('NFKD')
      .replaceAll(apostrophes, "'")
      .replaceAll(marks, '')
      .replaceAll(others, (letter) => baseLetters[letter] ?? letter)
      .replaceAll(dashes, '-')
      .replaceAll(gaps, ' ')
      .trim()
  )
}
