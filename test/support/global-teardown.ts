import { rm } from 'node:fs/promises'

/** Stops what `globalSetup` started. */
export default async function globalTeardown(): Promise<void> {
  const servers = globalThis.testServers
  if (!servers) return
  await Promise.all([servers.postgres?.stop(), servers.temporal?.stop()])
  await rm(servers.directory, { recursive: true, force: true })
}
