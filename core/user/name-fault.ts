// Half of a surrogate pair is no character.
const FORBIDDEN = /[/\p{Cc}\p{Cs}]/u
// With these a name looks like another one; the two joiners have their use in words.
const INVISIBLE =
  /[\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffb}]/u
const OUTER_SPACE = /^\p{White_Space}|\p{White_Space}$/u
const ONLY_DOTS = /^\.+$/

/** What is wrong with the name of a person or group, as a sentence; undefined for nothing. */
export function findNameFault(name: string, maxCharacters: number): string | undefined {
  const length = Array.from(name).length
  if (length < 1 || length > maxCharacters) return `It must have 1 to ${maxCharacters} characters`
  if (name !== name.normalize('NFC')) return 'It must be in Unicode NFC'
  if (FORBIDDEN.test(name)) return 'It must not hold a slash or a control character'
  if (INVISIBLE.test(name)) return 'It must not hold an invisible character'
  if (OUTER_SPACE.test(name)) return 'It must not begin or end with white space'
  return ONLY_DOTS.test(name) ? 'It must not be dots only' : undefined
}
