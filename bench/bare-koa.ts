import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import Router from '@koa/router'
import pg from 'pg'

// The peers of the `http` benchmark: a route that answers a small JSON document and nothing else,
// and one that reads a row by its key first.
const pool = new pg.Pool({ connectionString: process.argv[2] })
const router = new Router()
router.get('/bare/:id', (context) => {
  context.body = { id: context.params['id'], state: 'completed' }
})
router.get('/row/:id', async (context) => {
  const { rows } = await pool.query({
    name: 'row',
    text: 'select * from uploads where id = $1::uuid',
    values: [context.params['id']],
  })
  context.body = rows[0]
})
const server = new Koa().use(router.routes()).listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`) // it listens on TCP
})
process.on('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
  void pool.end()
})
