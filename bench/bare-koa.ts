import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import Router from '@koa/router'

// The peer of the `http` benchmark: one route that answers a small JSON document, nothing else.
const router = new Router()
router.get('/bare/:id', (context) => {
  context.body = { id: context.params['id'], state: 'completed' }
})
const server = new Koa().use(router.routes()).listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`) // it listens on TCP
})
process.on('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
