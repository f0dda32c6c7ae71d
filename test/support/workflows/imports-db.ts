import { createDatabase } from '../../../db/client.ts'

/** Breaks the rule that workflows have no I/O. */
export async function importsDb(): Promise<string> {
  return createDatabase.name
}
