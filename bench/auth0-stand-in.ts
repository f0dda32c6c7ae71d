import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

/** A Management API that knows everybody and answers each call after some time. */
export type Auth0StandIn = {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Starts it on a free port. */
export async function startAuth0StandIn(latencyMs: number): Promise<Auth0StandIn> {
  const users = new Map<string, Record<string, unknown>>()
  const server = createServer((request, response) => {
    void (async () => {
      const { url = '', method } = request
      const body = method === 'GET' ? {} : ((await json(request)) as Record<string, unknown>)
      await delay(latencyMs)
      response.setHeader('content-type', 'application/json')
      if (url === '/oauth/token') {
        response.end('{"access_token":"bench","expires_in":86400}')
        return
      }
      const user = { user_id: url, ...users.get(url), ...body }
      users.set(url, user)
      response.end(JSON.stringify(user))
    })()
  })
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
