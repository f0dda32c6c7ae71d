import { escapeDnValue, foldDn } from '../../../connectors/ldap/escape.ts'

test.each([
  [String.raw`cn=a\2Cb,ou=groups`, String.raw`cn=a\,b,ou=groups`],
  [String.raw`CN=A\+B , OU=Groups`, String.raw`cn=a\2bb,ou=groups`],
  [String.raw`cn=\20a\20,ou=x`, String.raw`cn=\ a\ ,ou=x`],
  [String.raw`cn=na\C3\AFve`, 'cn=naïve'],
  [String.raw`cn=a\3Db`, String.raw`cn=a\=b`],
])('foldDn() takes %s for %s', (one, other) => {
  expect(foldDn(one)).toBe(foldDn(other))
})

test.each([
  [`cn=${escapeDnValue('a,ou=groups')},dc=x`, 'cn=a,ou=groups,dc=x'],
  [`cn=${escapeDnValue('a+b')}`, 'cn=a+b'],
  [`cn=${escapeDnValue('\\2c')}`, `cn=${escapeDnValue(',')}`],
])('foldDn() keeps %s and %s apart', (one, other) => {
  expect(foldDn(one)).not.toBe(foldDn(other))
})
