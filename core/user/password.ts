const MIN_CHARACTERS = 8
const MAX_CHARACTERS = 128
// Half of a surrogate pair has no bytes of its own: two such passwords would be one.
const HALF_PAIR = /\p{Cs}/u

/** A password as it is hashed: all of it, in Unicode NFC, so that it does not matter how it was typed. */
export function normalizePassword(password: string): string {
  return password.normalize('NFC')
}

/** Why nobody may have this password, as a sentence that does not hold it; undefined for one that is right. */
export function findPasswordFault(
  password: string,
  isCommon: (password: string) => boolean,
): string | undefined {
  const normal = normalizePassword(password)
  const length = Array.from(normal).length
  if (length < MIN_CHARACTERS || length > MAX_CHARACTERS) {
    return `It must have ${MIN_CHARACTERS} to ${MAX_CHARACTERS} characters`
  }
  if (HALF_PAIR.test(normal)) return 'It must be Unicode text'
  return isCommon(normal) ? 'It is one of those that are tried first' : undefined
}
