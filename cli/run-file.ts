import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const runFile = z.object({
  pid: z.number(),
  apiUrl: z.string(),
  temporalAddress: z.string(),
  temporalNamespace: z.string(),
  temporalUiUrl: z.string().nullable(),
  databaseUrl: z.string(),
})

/** What `up` says about itself in `<data-dir>/run.json`; the UI's address is null where nobody named one. */
export type RunFile = Readonly<z.infer<typeof runFile>>

const NAME = 'run.json'

/** Writes `run.json` whole or not at all, readable by its owner alone (it holds the database's password). */
export async function writeRunFile(dataDir: string, run: RunFile): Promise<void> {
  const file = join(dataDir, NAME)
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, file)
}

/** Reads `run.json`; undefined where there is none or it is not one of ours. */
export async function findRunFile(dataDir: string): Promise<RunFile | undefined> {
  const text = await readFile(join(dataDir, NAME), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  return runFile.safeParse(parseJson(text)).data
}

/** Removes `run.json`; one that is not there is fine. */
export async function removeRunFile(dataDir: string): Promise<void> {
  await rm(join(dataDir, NAME), { force: true })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
