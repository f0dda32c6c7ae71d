import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { listProcessesIn, listProcessesWithArgument, stopProcess } from './processes.ts'

const SERVER_STOP = { signal: 'SIGINT', graceMs: 4_000 } as const
const BACKEND_STOP = { signal: 'SIGQUIT', graceMs: 2_000 } as const

/**
 * Ends what a killed process left running on a cluster: the server, an unfinished initdb, and the
 * server processes of connections, which outlive a killed server for a moment.
 */
export async function stopPostgresRemains(cluster: string): Promise<void> {
  const servers = await listProcessesWithArgument(cluster)
  await Promise.all(servers.map(async (pid) => await stopProcess(pid, SERVER_STOP)))
  const backends = await listProcessesIn(cluster)
  if (!backends) return
  await Promise.all(backends.map(async (pid) => await stopProcess(pid, BACKEND_STOP)))
  // Nothing uses the cluster: its lock is stale, also where its pid is a zombie's or another's by
  // now, which PostgreSQL would believe.
  await rm(join(cluster, 'postmaster.pid'), { force: true })
}
