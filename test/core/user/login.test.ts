import { findGroupNameFault } from '../../../core/user/group.ts'
import { findLoginFault } from '../../../core/user/login.ts'

test.each([
  'a',
  'ann.lee',
  'Zoë',
  'a b',
  'x'.repeat(64),
  '😀'.repeat(64),
  '..a',
  '__proto__',
  '👩\u200d💻',
])('findLoginFault() takes "%s"', (login) => {
  expect(findLoginFault(login)).toBeUndefined()
})

test.each([
  '',
  'x'.repeat(65),
  'a/b',
  'a\u0000',
  'a\u0085',
  ' a',
  'a\u00a0',
  '.',
  '...',
  'e\u0301',
  '\ud800',
  'ada\u200b',
  '\u202eada',
  '\ufeffada',
  'a\u00adda',
  'approve',
  'AuthN',
  'Register',
])('findLoginFault() refuses %j', (login) => {
  expect(findLoginFault(login)).toMatch(/^It (must|is)/)
})

test('findGroupNameFault() lets a group have a reserved login, and takes 128 characters', () => {
  expect(findGroupNameFault('approve')).toBeUndefined()
  expect(findGroupNameFault('g'.repeat(128))).toBeUndefined()
  expect(findGroupNameFault('g'.repeat(129))).toMatch(/^It must/)
})
