import { foldName } from '../../core/license/fold-name.ts'

/** `foldName` that remembers. */
export type NameFolder = (name: string) => string

const MAX_NAMES = 10_000

/** Creates one: the same names come again and again, and folding what is not plain takes long. */
export function createNameFolder(): NameFolder {
  const known = new Map<string, string>()
  return (name) => {
    const kept = known.get(name)
    if (kept !== undefined) return kept
    if (known.size >= MAX_NAMES) known.clear()
    const key = foldName(name)
    known.set(name, key)
    return key
  }
}
