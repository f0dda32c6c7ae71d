import { createHash } from 'node:crypto'

/** SHA-256 of a JSON value, whatever the order of its members: they are sorted by name first. */
export function hashDocument(document: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(document, sortMembers)).digest()
}

function sortMembers(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members)
}
