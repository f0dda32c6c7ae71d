import { fc } from '../../support/properties.ts'
import { assertPublicLiteral, parseTarget } from '../../../connectors/http/target.ts'

test.each([
  ['https://hooks.example/a?b=c'],
  ['http://8.8.8.8/'],
  ['HTTPS://Hooks.Example:8443'],
  ['https://[2606:4700:4700::1111]:443/'],
  ['http://127.0.0.1:8080/'],
  ['https://bücher.example/'],
])('parseTarget() takes %s', (text) => {
  expect(parseTarget(text).href).toBe(new URL(text).href)
})

test.each([
  ['', 'nothing'],
  ['hooks.example', 'no scheme'],
  ['/path', 'a path'],
  ['//hooks.example', 'no scheme'],
  ['ftp://hooks.example/', 'FTP'],
  ['file:///etc/passwd', 'a file'],
  ['gopher://hooks.example/', 'gopher'],
  ['javascript:alert(1)', 'a script'],
  ['http:\\\\127.1/', 'backslashes'],
  ['http:/127.0.0.1/', 'one slash'],
  [' http://hooks.example/', 'a space in front'],
  ['ht\ntp://hooks.example/', 'a line break'],
  ['https://user@hooks.example/', 'a user'],
  ['https://user:password@hooks.example/', 'credentials'],
  ['https://@hooks.example/', 'empty credentials'],
  ['http://2130706433/', 'decimal'],
  ['http://0x7f000001/', 'hexadecimal'],
  ['http://0x7f.0.0.1/', 'hexadecimal'],
  ['http://017700000001/', 'octal'],
  ['http://0177.0.0.1/', 'octal'],
  ['http://127.1/', 'short'],
  ['http://127.0.0.1./', 'a dot at the end'],
  ['http://%31%32%37.0.0.1/', 'escaped'],
  ['http://１２７.0.0.1/', 'full-width digits'],
  ['http://134744072/', 'decimal, though public'],
  ['http://999.1.1.1/', 'no address'],
  [`https://hooks.example/${'a'.repeat(2048)}`, 'too long'],
])('parseTarget() refuses %s (%s)', (text) => {
  expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'invalid_target' }))
})

test('parseTarget() quotes nothing of a refused address', () => {
  expect(() => parseTarget('https://user:hunter2@hooks.example/key')).toThrow(
    /^Cannot call this address: it holds credentials$/,
  )
})

test.each([
  ['http://127.0.0.1/'],
  ['http://169.254.169.254/latest/meta-data/'],
  ['http://10.1.2.3:8080/'],
  ['http://0.0.0.0/'],
  ['http://[::1]/'],
  ['http://[::ffff:127.0.0.1]/'],
  ['http://[::ffff:7f00:1]/'],
  ['http://[64:ff9b::a9fe:a9fe]/'],
  ['http://[fd00:ec2::254]/'],
])('assertPublicLiteral() refuses %s', (text) => {
  expect(() => assertPublicLiteral(parseTarget(text))).toThrow(
    expect.objectContaining({ code: 'target_refused', status: 400 }),
  )
})

test('assertPublicLiteral() takes names, which are judged when they are resolved', () => {
  expect(() => assertPublicLiteral(parseTarget('http://localhost/'))).not.toThrow()
})

const octet = fc.integer({ min: 0, max: 255 })

test('no spelling of an IPv4 address but the plain one is taken', () => {
  const spelled = fc
    .tuple(octet, octet, octet, octet)
    .chain(([a, b, c, d]) =>
      fc.constantFrom(
        String(((a * 256 + b) * 256 + c) * 256 + d),
        `0x${(((a * 256 + b) * 256 + c) * 256 + d).toString(16)}`,
        `0${(((a * 256 + b) * 256 + c) * 256 + d).toString(8)}`,
        `${a}.${(b * 256 + c) * 256 + d}`,
        `${a}.${b}.${c * 256 + d}`,
        `0x${a.toString(16)}.${b}.${c}.${d}`,
        `${a}.${b}.${c}.0${d.toString(8)}`,
        `${a}.${b}.${c}.${d}.`,
      ),
    )
  fc.assert(
    fc.property(spelled, (host) => {
      expect(() => parseTarget(`http://${host}/`)).toThrow(
        expect.objectContaining({ code: 'invalid_target' }),
      )
    }),
  )
})
