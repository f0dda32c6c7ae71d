const LEFT_ALONE = /[!'()*]/g

/** The text with everything percent-encoded but what RFC 3986 calls unreserved. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    LEFT_ALONE,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** A query of these parameters in which nothing can be mistaken. */
export function encodeQuery(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(
    ([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`,
  )
  return pairs.join('&')
}
