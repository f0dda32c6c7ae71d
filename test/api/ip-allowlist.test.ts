import { findCidrFault, isAllowed } from '../../api/ip-allowlist.ts'

test.each([
  '203.0.113.0/24',
  '0.0.0.0/0',
  '198.51.100.7/32',
  '2001:db8::/32',
  '::/0',
  '::1/128',
  '2001:db8:1:2:3:4:5:6/128',
])('"%s" is a canonical CIDR', (cidr) => {
  expect(findCidrFault(cidr)).toBeUndefined()
})

test.each([
  ['an address alone', '203.0.113.7'],
  ['bits behind the prefix', '203.0.113.7/24'],
  ['leading zeros', '203.0.113.000/24'],
  ['octal', '0313.0.113.0/24'],
  ['leading zeros in the prefix', '203.0.113.0/024'],
  ['too long a prefix', '203.0.113.0/33'],
  ['three parts', '203.0.113/24'],
  ['IPv6 in capitals', '2001:DB8::/32'],
  ['IPv6 with zeros written out', '2001:db8:0::/32'],
  ['IPv6 with bits behind', '2001:db8::1/32'],
  ['IPv6 that is too long', '2001:db8::/129'],
  ['an IPv4-mapped network', '::ffff:cb00:7100/120'],
  ['a zone', 'fe80::1%eth0/128'],
  ['a name', 'example.org/24'],
  ['nothing', ''],
  ['no prefix', '203.0.113.0/'],
  ['white space', ' 203.0.113.0/24'],
])('%s is none', (_name, text) => {
  expect(findCidrFault(text)).toEqual(expect.any(String))
})

test.each<[string[], string, boolean]>([
  [['203.0.113.0/24'], '203.0.113.255', true],
  [['203.0.113.0/24'], '203.0.114.0', false],
  [['203.0.113.0/24'], '::ffff:203.0.113.5', true],
  [['203.0.113.0/24'], '::ffff:cb00:7105', true],
  [['203.0.113.0/24'], '::203.0.113.5', false],
  [['2001:db8::/32'], '2001:DB8:0::9', true],
  [['2001:db8::/32'], '2001:db9::9', false],
  [['::/0'], '203.0.113.5', false],
  [['0.0.0.0/0'], '2001:db8::1', false],
  [['0.0.0.0/0', '::/0'], 'fe80::1%eth0', false],
  [['198.51.100.7/32', '2001:db8::/32'], '198.51.100.7', true],
  [['198.51.100.0/25'], '198.51.100.128', false],
  [[], '127.0.0.1', false],
  [['0.0.0.0/0'], '', false],
  [['0.0.0.0/0'], '010.0.0.1', false],
])('isAllowed(%j) judges %s', (cidrs, address, expected) => {
  expect(isAllowed(cidrs, address)).toBe(expected)
})
