/** A value for a distinguished name, escaped (RFC 4514 §2.4). */
export function escapeDnValue(value: string): string {
  const escaped = value.replaceAll(/[\\"+,;<>=\0]/g, (character) =>
    character === '\0' ? '\\00' : `\\${character}`,
  )
  return escaped.replace(/^[ #]/, '\\$&').replace(/ $/, '\\ ')
}

/** A value for a search filter, escaped (RFC 4515 §3). */
export function escapeFilterValue(value: string): string {
  return value.replaceAll(
    /[\\*()\0]/g,
    (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** The first relative name of a distinguished name, and what it stands below; escapes are minded. */
export function splitDn(dn: string): { readonly rdn: string; readonly parent: string } {
  for (let index = 0; index < dn.length; index += 1) {
    if (dn[index] === '\\') index += 1
    else if (dn[index] === ',')
      return { rdn: dn.slice(0, index), parent: dn.slice(index + 1).trim() }
  }
  return { rdn: dn, parent: '' }
}

/**
 * A distinguished name in one form, for comparisons: RFC 4514 lets one be written in several ways, and
 * servers answer in their own. Case and spaces between its parts do not count.
 */
export function foldDn(dn: string): string {
  const unescaped = dn.replaceAll(
    /((?:\\[\da-f]{2})+)|\\(.)/giu,
    (_, pairs: string | undefined, character: string) =>
      protectSeparators(pairs === undefined ? character : decodePairs(pairs)),
  )
  return unescaped.replaceAll(/ *([,+=]) */g, '$1').toLowerCase()
}

function decodePairs(pairs: string): string {
  return Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString('utf8')
}

// What would be read as the end of a part stays escaped, in hexadecimal.
function protectSeparators(text: string): string {
  return text.replaceAll(
    /[\\,+ ]/g,
    (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
