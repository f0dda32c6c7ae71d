import { dictionary } from '@zxcvbn-ts/language-common'

const common: ReadonlySet<string> = new Set(dictionary['passwords-common'])

/** True for one of the 49,000 passwords that are met most often in leaks, in whatever case. */
export function isCommonPassword(password: string): boolean {
  return common.has(password.toLowerCase())
}
