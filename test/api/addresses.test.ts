import type { IncomingMessage } from 'node:http'
import { createAddressReader } from '../../api/client-address.ts'
import { createOriginReader } from '../../api/origin.ts'

type Head = Readonly<Record<string, string>>

function requestFrom(remoteAddress: string, headers: Head = {}): IncomingMessage {
  const socket = { remoteAddress, localAddress: '127.0.0.1', localPort: 8080 }
  return { socket, headers } as unknown as IncomingMessage // the parts that are read
}

test.each<[string, readonly string[], string, string | undefined, string]>([
  ['the peer without proxies', [], '192.0.2.1', undefined, '192.0.2.1'],
  ['the peer, whatever it claims', [], '192.0.2.1', '198.51.100.7', '192.0.2.1'],
  ['the caller behind a proxy', ['10.0.0.0/8'], '10.1.1.1', '198.51.100.7', '198.51.100.7'],
  [
    'the last untrusted hop',
    ['10.0.0.0/8'],
    '10.1.1.1',
    '1.1.1.1, 198.51.100.7, 10.2.2.2',
    '198.51.100.7',
  ],
  ['the first when all are trusted', ['10.0.0.0/8'], '10.1.1.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
  ['the proxy where it says nothing', ['10.0.0.0/8'], '10.1.1.1', undefined, '10.1.1.1'],
  ['the proxy where it says noise', ['10.0.0.0/8'], '10.1.1.1', 'unknown', '10.1.1.1'],
  [
    'an IPv4 peer on an IPv6 socket',
    ['10.0.0.0/8'],
    '::ffff:10.1.1.1',
    '198.51.100.7',
    '198.51.100.7',
  ],
  ['a caller on IPv6', ['2001:db8::/32'], '2001:db8::1', '2001:4860::8', '2001:4860::8'],
  ['one trusted address', ['192.0.2.9'], '192.0.2.9', '198.51.100.7', '198.51.100.7'],
])('the address of a caller is %s', (...row) => {
  const [, proxies, peer, forwarded, address] = row
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  expect(createAddressReader(proxies)(requestFrom(peer, headers as Head))).toBe(address)
})

test.each<[string, string, Head, string]>([
  ['its Host', '192.0.2.1', { host: 'api.example:8443' }, 'http://api.example:8443'],
  ['its socket without one', '192.0.2.1', {}, 'http://127.0.0.1:8080'],
  ['its socket for a strange one', '192.0.2.1', { host: 'a/b"<x>' }, 'http://127.0.0.1:8080'],
  ['IPv6', '192.0.2.1', { host: '[::1]:8080' }, 'http://[::1]:8080'],
  [
    'not what an untrusted peer claims',
    '192.0.2.1',
    { host: 'a', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' },
    'http://a',
  ],
  [
    'what a trusted proxy says',
    '10.0.0.1',
    { host: 'inner', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example' },
    'https://api.example',
  ],
])('the origin of a request is %s', (...row) => {
  const [, peer, headers, origin] = row
  expect(createOriginReader(['10.0.0.0/8'])(requestFrom(peer, headers))).toBe(origin)
})
