import { Pacer } from './pacer.ts'

const MAX_TARGETS = 1_000

const pacers = new Map<string, Pacer>()

/** The one pacer that all clients of a target share in this process; the longest unused are forgotten. */
export function findPacer(baseUrl: string): Pacer {
  const pacer = pacers.get(baseUrl) ?? new Pacer()
  pacers.delete(baseUrl)
  pacers.set(baseUrl, pacer)
  if (pacers.size > MAX_TARGETS) {
    for (const oldest of pacers.keys()) {
      pacers.delete(oldest)
      break
    }
  }
  return pacer
}
