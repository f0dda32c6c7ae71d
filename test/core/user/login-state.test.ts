import { approvalStates } from '../../../core/approval/approval.ts'
import {
  listRegistrationStates,
  loginStates,
  mayRegisterAgain,
  toLoginState,
} from '../../../core/user/login-state.ts'

test('a login is in the state that its registration makes', () => {
  for (const state of loginStates) {
    const made = listRegistrationStates([state])
    expect(made).not.toEqual([])
    expect(made.map(toLoginState)).toEqual(made.map(() => state))
  }
})

test('who was refused, was too late or took it back may register again, and nobody else', () => {
  expect(approvalStates.filter(mayRegisterAgain)).toEqual([
    'apply-failed',
    'denied',
    'expired',
    'withdrawn',
    'superseded',
  ])
})
