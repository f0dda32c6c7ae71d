import { Agent as PlainAgent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'

/** The connections of one way to look hosts up; what was judged otherwise is never reused. */
export type Agents = { readonly plain: PlainAgent; readonly tls: TlsAgent }

const MAX_SOCKETS_PER_HOST = 50
// Shorter than servers commonly keep one: they are not to close it while we send.
const IDLE_MS = 4_000

/** Connections that are kept for a while; `ca` replaces the certificates that are trusted. */
export function createAgents(lookup: LookupFunction, ca: string | undefined): Agents {
  const kept = { keepAlive: true, timeout: IDLE_MS, maxSockets: MAX_SOCKETS_PER_HOST, lookup }
  return { plain: new PlainAgent(kept), tls: new TlsAgent({ ...kept, ...(ca && { ca }) }) }
}

/** Ends all connections, those in use too. */
export function closeAgents({ plain, tls }: Agents): void {
  plain.destroy()
  tls.destroy()
}
