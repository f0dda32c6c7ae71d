import type { Server } from 'node:http'
import { AppError } from '../core/errors.ts'

export type Address = { readonly host: string; readonly port: number }

// Codes of the system (errno) and of the resolver: what is wrong, and the setting that mends it.
const REFUSALS: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  EADDRINUSE: ['address_in_use', 'another process does; stop it or set PORT'],
  EACCES: ['address_refused', 'permission is denied; set PORT to one above 1023'],
  EADDRNOTAVAIL: [
    'address_not_found',
    'this machine has no such address; set HOST to one of its own',
  ],
  ENOTFOUND: ['address_not_found', 'there is no such host; set HOST to an address of this machine'],
  EAI_AGAIN: ['address_not_found', 'the host cannot be looked up; set HOST to an address'],
}

/** Resolves once the server listens; throws `address_…`, naming the setting to mend, where it cannot. */
export async function listen(server: Server, { host, port }: Address): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(toListenError(`${host}:${port}`, cause))
    })
    server.listen({ host, port }, resolve)
  })
}

function toListenError(address: string, cause: NodeJS.ErrnoException): Error {
  const [code, reason] = REFUSALS[cause.code ?? ''] ?? []
  if (code === undefined) return cause
  const message = `Cannot listen on "${address}": ${reason}`
  return new AppError(code, message, { status: 500, expose: true, cause })
}
