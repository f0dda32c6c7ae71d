import { findNameFault } from './name-fault.ts'

const MAX_CHARACTERS = 128

/** Why no group may have this name, as a sentence; undefined for one that is right. Names are compared as they are. */
export function findGroupNameFault(name: string): string | undefined {
  return findNameFault(name, MAX_CHARACTERS)
}
