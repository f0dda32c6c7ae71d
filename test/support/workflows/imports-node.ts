import { readFileSync } from 'node:fs'

/** Breaks the rule that workflows have no I/O. */
export async function importsNode(): Promise<string> {
  return readFileSync('/etc/hostname', 'utf8')
}
