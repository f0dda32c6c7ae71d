import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Env } from '../../config/env.ts'
import { probeTemporalCli, type TemporalCli } from './temporal-cli.ts'

/** This machine, as names of the cache and of the pinned sums have it. */
export const platform = `${process.platform}-${process.arch}`

/** The folder for downloads that outlive a checkout: `$XDG_CACHE_HOME/registrar`, else `~/.cache/registrar`. */
export function findCacheDir(env: Env): string {
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'registrar')
}

/** The newest cached Temporal CLI of this platform that still runs. */
export async function findCachedCli(cacheDir: string): Promise<TemporalCli | undefined> {
  const suffix = `-${platform}`
  const names = await readdir(cacheDir).catch(() => [])
  const fitting = names.filter((name) => /^temporal-\d/.test(name) && name.endsWith(suffix))
  const newestFirst = fitting.toSorted((one, other) =>
    other.localeCompare(one, 'en', { numeric: true }),
  )
  for (const name of newestFirst) {
    const cli = await probeTemporalCli(join(cacheDir, name)).catch(() => undefined)
    if (cli) return cli
  }
  return undefined
}

/**
 * Runs `fetch` with an empty folder inside the cache and keeps the program whose path it returns,
 * under its version and platform. A rename puts it in place, so that processes that fetch at the
 * same time, or die half-way, never leave half a file.
 */
export async function keepInCache(
  cacheDir: string,
  fetch: (directory: string) => Promise<string>,
): Promise<TemporalCli> {
  const directory = join(cacheDir, `partial-${randomUUID()}`)
  await mkdir(directory, { recursive: true, mode: 0o755 })
  try {
    const path = await fetch(directory)
    await chmod(path, 0o755)
    const { version } = await probeTemporalCli(path)
    const kept = join(cacheDir, `temporal-${version}-${platform}`)
    await rename(path, kept)
    return { path: kept, version }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
