import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listen } from '../../api/listen.ts'

let server: Server

beforeEach(() => {
  server = createServer()
})
afterEach(() => void server.close())

test.each([
  // RFC 5737 and RFC 6761: nobody has these.
  ['an address of another machine', '203.0.113.7'],
  ['a host that is none', 'no-such-host.invalid'],
])('listen() names HOST where that is %s', async (_what, host) => {
  await expect(listen(server, { host, port: 0 })).rejects.toMatchObject({
    code: 'address_not_found',
    message: expect.stringMatching(/^Cannot listen on "[^"]+:0": .* set HOST to/) as unknown,
  })
})

test('listen() names PORT where another process has it', async () => {
  await listen(server, { host: '127.0.0.1', port: 0 })
  const { port } = server.address() as AddressInfo // it listens on TCP
  const other = createServer()
  await expect(listen(other, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'address_in_use',
    message: `Cannot listen on "127.0.0.1:${port}": another process does; stop it or set PORT`,
  })
})
