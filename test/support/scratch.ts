import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type ScratchDir = { readonly path: string; readonly remove: () => Promise<void> }

/** An empty folder that a server's unprivileged user can reach. */
export async function createScratchDir(name: string): Promise<ScratchDir> {
  const path = await realpath(await mkdtemp(join(tmpdir(), `registrar-${name}-`)))
  await chmod(path, 0o755)
  return { path, remove: async () => await rm(path, { recursive: true, force: true }) }
}
