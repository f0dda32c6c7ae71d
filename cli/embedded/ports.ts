import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const LOOPBACK = '127.0.0.1'

// Below those that systems give to connections and to whoever asks for any port: what is found here
// is not taken by chance before it is used.
const FIRST_QUIET_PORT = 15_000
const QUIET_PORTS = 15_000

/** A TCP port on loopback that was free a moment ago: the preferred one where it is, else any. */
export async function findFreePort(preferred?: number): Promise<number> {
  const wanted = preferred ?? FIRST_QUIET_PORT + randomInt(QUIET_PORTS)
  return (await isFree(wanted)) ? wanted : await findFreePort()
}

/** Throws while nobody listens on a TCP port of loopback. */
export async function assertListening(port: number): Promise<void> {
  const socket = connect(port, LOOPBACK)
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail)
      server.listen(port, LOOPBACK, done)
    })
  } catch {
    return false
  }
  await new Promise((done) => server.close(done))
  return true
}
