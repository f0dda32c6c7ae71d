import { fc } from '../../support/properties.ts'
import { isPublicAddress } from '../../../connectors/http/addresses.ts'

test.each([
  ['8.8.8.8', 'public'],
  ['1.1.1.1', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['100.128.0.0', 'public'],
  ['223.255.255.255', 'public'],
  ['2606:4700:4700::1111', 'public'],
  ['2a00:1450:4001:80f::200e', 'public'],
])('isPublicAddress() takes %s (%s)', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

test.each([
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'this network'],
  ['10.0.0.1', 'private'],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['100.100.100.200', 'metadata in shared space'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['168.63.129.16', 'metadata'],
  ['169.254.169.254', 'metadata'],
  ['169.254.1.1', 'link-local'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.0.0.192', 'metadata'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmarking'],
  ['198.51.100.7', 'documentation'],
  ['203.0.113.7', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::ffff:8.8.8.8', 'mapped'],
  ['::ffff:7f00:1', 'mapped'],
  ['::127.0.0.1', 'IPv4-compatible'],
  ['64:ff9b::8.8.8.8', 'NAT64'],
  ['64:ff9b:1::a00:1', 'local NAT64'],
  ['100::1', 'discard'],
  ['2001::1', 'Teredo'],
  ['2001:20::1', 'ORCHID'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::', '6to4'],
  ['3fff::1', 'documentation'],
  ['4000::1', 'not assigned'],
  ['fc00::1', 'unique local'],
  ['fd00:ec2::254', 'metadata'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['2606:4700::1%eth0', 'a zone'],
  ['localhost', 'no address'],
  ['2130706433', 'no address'],
  ['0x7f000001', 'no address'],
  ['', 'no address'],
])('isPublicAddress() refuses %s (%s)', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

const octet = fc.integer({ min: 0, max: 255 })
const ipv4 = fc.tuple(octet, octet, octet, octet)

test('isPublicAddress() refuses every private, loopback, link-local and multicast IPv4 address', () => {
  const inside = ipv4.chain(([a, b, c, d]) =>
    fc.constantFrom(
      [10, b, c, d],
      [127, b, c, d],
      [169, 254, c, d],
      [172, 16 + (b % 16), c, d],
      [192, 168, c, d],
      [100, 64 + (b % 64), c, d],
      [224 + (a % 32), b, c, d],
      [0, b, c, d],
    ),
  )
  fc.assert(
    fc.property(inside, (parts) => {
      expect(isPublicAddress(parts.join('.'))).toBe(false)
    }),
  )
})

test('isPublicAddress() refuses every IPv6 address that stands for an IPv4 address', () => {
  fc.assert(
    fc.property(ipv4, ([a, b, c, d]) => {
      const high = (a * 256 + b).toString(16)
      const low = (c * 256 + d).toString(16)
      const forms = [
        `::ffff:${a}.${b}.${c}.${d}`,
        `::ffff:${high}:${low}`,
        `0:0:0:0:0:ffff:${high}:${low}`,
        `::${a}.${b}.${c}.${d}`,
        `64:ff9b::${high}:${low}`,
        `64:ff9b:1::${high}:${low}`,
        `2002:${high}:${low}::1`,
      ]
      expect(forms.filter(isPublicAddress)).toEqual([])
    }),
  )
})

test('isPublicAddress() takes no IPv6 address outside of 2000::/3', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const isGlobal = /^[23][0-9a-f]{3}:/i.test(address)
      expect(isPublicAddress(address) && !isGlobal).toBe(false)
    }),
  )
})
