import { findPasswordFault } from '../../../core/user/password.ts'
import { isCommonPassword } from '../../../crypto/common-passwords.ts'

test.each([
  ['eight characters', 'a8 Zq.x7'],
  ['128 characters', 'q7'.repeat(64)],
  ['128 characters of four bytes', '\u{1f680}'.repeat(128)],
  ['spaces only where they are typed', '  two words  '],
  ['letters with accents, typed in two ways', 'e\u0301te\u0301 a\u0300 Nice'],
])('a password may have %s', (_, password) => {
  expect(findPasswordFault(password, isCommonPassword)).toBeUndefined()
})

test.each([
  ['nothing', '', '8 to 128'],
  ['seven characters', 'a8 Zq.x', '8 to 128'],
  ['seven characters in more bytes', '\u{1f680}'.repeat(7), '8 to 128'],
  ['129 characters', 'q7'.repeat(64) + 'x', '8 to 128'],
  ['4,096 bytes', 'q7'.repeat(2_048), '8 to 128'],
  ['half of a pair', 'abcdefg\ud83d', 'Unicode'],
  ['what is tried first', 'password1', 'tried first'],
  ['what is tried first, in other letter case', 'PassWord1', 'tried first'],
])('a password may not be %s', (_, password, fault) => {
  expect(findPasswordFault(password, isCommonPassword)).toContain(fault)
})
