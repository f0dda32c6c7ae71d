import { listProcessesWithArgument } from '../../cli/embedded/processes.ts'
import { waitUntil } from './polling.ts'
import {
  listRegistrarProcesses,
  waitUntilReady,
  type RunningRegistrar,
} from './registrar-process.ts'

/** What of a running `up` may be killed. */
export const parts = ['API', 'worker', 'engine', 'database'] as const
export type Part = (typeof parts)[number]

/** Kills a part with -9 and resolves once another one has taken its place and all is ready. */
export async function killPart(
  { dataDir, registrar }: { readonly dataDir: string; readonly registrar: RunningRegistrar },
  part: Part,
): Promise<void> {
  const killed = await listPids(dataDir, part)
  if (killed.length === 0) throw new Error(`Cannot kill the ${part}: it does not run`)
  for (const pid of killed) process.kill(pid, 'SIGKILL')
  await waitUntil(`the ${part} is replaced`, async () => {
    const now = await listPids(dataDir, part)
    return now.length > 0 && !now.some((pid) => killed.includes(pid))
  })
  await waitUntilReady(registrar.run.apiUrl)
}

async function listPids(dataDir: string, part: Part): Promise<number[]> {
  const { services, postgres, temporal } = await listRegistrarProcesses(dataDir)
  if (part === 'engine') return temporal
  if (part === 'database') return postgres
  const named = await listProcessesWithArgument(part.toLowerCase())
  return services.filter((pid) => named.includes(pid))
}
