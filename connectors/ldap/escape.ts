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
