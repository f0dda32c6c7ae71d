import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on loopback. */
export type LocalServer = {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string
  readonly close: () => Promise<void>
}

/** Starts a server for something that is stood in for, on any free port unless said. */
export async function startLocalServer(
  listener: RequestListener,
  listenPort = 0,
): Promise<LocalServer> {
  const server = createServer(listener)
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(listenPort, '127.0.0.1', done)
  })
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      await new Promise((done) => {
        server.close(done)
        server.closeAllConnections()
      })
    },
  }
}
