import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

const LOOPBACK = '127.0.0.1'

/** A TCP port on loopback that was free a moment ago: the preferred one where it is, else any. */
export async function findFreePort(preferred = 0): Promise<number> {
  const port = await tryToListen(preferred)
  return port ?? (await findFreePort())
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

async function tryToListen(wanted: number): Promise<number | undefined> {
  const server = createServer()
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail)
      server.listen(wanted, LOOPBACK, done)
    })
  } catch (error) {
    if (wanted === 0) throw error
    return undefined
  }
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  await new Promise((done) => server.close(done))
  return port
}
