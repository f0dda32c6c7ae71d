// RFC 5322 atext; RFC 6531 adds whatever is neither ASCII, white space nor a control character.
const atom = "(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\\x00-\\x7f\\p{Z}\\p{C}])+"
const label = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]{0,61}[\\p{L}\\p{M}\\p{N}])?'
const address = new RegExp(`^${atom}(?:\\.${atom})*@(?:${label}\\.)+(?!\\p{N}+$)${label}$`, 'u')
// Most addresses: short enough for any label, no hyphen in the last one.
const plainAddress =
  /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*\.)+[A-Za-z]+$/
const plainLength = 64

/**
 * True for a dot-atom local part (Unicode allowed), `@`, and a domain of two or more labels, the
 * last not all digits; no quoted local part, no address literal, no trailing dot.
 */
export function isEmailAddress(value: string): boolean {
  if (value.length < plainLength && plainAddress.test(value)) return true
  return address.test(value)
}
