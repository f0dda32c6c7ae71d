// Half of a surrogate pair is no character.
const FORBIDDEN = /[/\p{Cc}\p{Cs}]/u
const OUTER_SPACE = /^\p{White_Space}|\p{White_Space}$/u
const ONLY_DOTS = /^\.+$/

/** What is wrong with the name of a person or group, as a sentence; undefined for nothing. */
export function findNameFault(name: string, maxCharacters: number): string | undefined {
  const length = Array.from(name).length
  if (length < 1 || length > maxCharacters) return `It must have 1 to ${maxCharacters} characters`
  if (name !== name.normalize('NFC')) return 'It must be in Unicode NFC'
  if (FORBIDDEN.test(name)) return 'It must not hold a slash or a control character'
  if (OUTER_SPACE.test(name)) return 'It must not begin or end with white space'
  return ONLY_DOTS.test(name) ? 'It must not be dots only' : undefined
}
