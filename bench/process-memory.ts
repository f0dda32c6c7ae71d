import { readFile, readdir } from 'node:fs/promises'

/** Peak resident memory in MB by kind of process; of several the largest. */
export type PeakMemory = Readonly<Record<string, number>>

/** The peak memory of a process's descendants so far (Linux; empty elsewhere). */
export async function readPeakMemory(rootPid: number): Promise<PeakMemory> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const processes = await Promise.all(pids.map(readProcess))
  const parents = new Map(processes.flatMap((found) => (found ? [[found.pid, found.parent]] : [])))
  const peaks: Record<string, number> = {}
  for (const found of processes) {
    if (!found || !isDescendant(found.pid, { rootPid, parents })) continue
    peaks[found.kind] = Math.max(peaks[found.kind] ?? 0, found.peakMb)
  }
  return peaks
}

type Found = {
  readonly pid: number
  readonly parent: number
  readonly kind: string
  readonly peakMb: number
}

async function readProcess(name: string): Promise<Found | undefined> {
  try {
    const status = await readFile(`/proc/${name}/status`, 'utf8')
    const command = (await readFile(`/proc/${name}/cmdline`, 'utf8')).split('\0')
    const read = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    return {
      pid: Number(name),
      parent: read('PPid'),
      kind: kindOf(command),
      peakMb: Math.round(read('VmHWM') / 1024),
    }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}

function kindOf(command: readonly string[]): string {
  const line = command.join(' ')
  if (line.includes('postgres')) return 'postgres'
  if (line.includes('temporal')) return 'temporal'
  const name = command.find((word) => ['api', 'worker', 'up'].includes(word))
  return name ?? 'other'
}

function isDescendant(
  pid: number,
  { rootPid, parents }: { readonly rootPid: number; readonly parents: ReadonlyMap<number, number> },
): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = parents.get(at)) {
    if (at === rootPid) return true
  }
  return false
}
