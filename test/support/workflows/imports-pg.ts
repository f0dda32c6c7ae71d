import pg from 'pg'

/** Breaks the rule that workflows have no I/O. */
export async function importsPg(): Promise<string> {
  return pg.Client.name
}
