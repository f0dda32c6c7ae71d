import { z } from 'zod'
import { isEmailAddress } from '../../core/license/email-address.ts'
import { findLoginFault } from '../../core/user/login.ts'
import { userSources, userStatuses, type User } from '../../db/user/users.ts'

const MAX_EMAIL_LENGTH = 254
const MAX_NAME_LENGTH = 200

/** A login as a body gives it. */
export const loginSchema = z.string().superRefine((login, context) => {
  const fault = findLoginFault(login)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

const line = z
  .string()
  .trim()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'Must not hold control characters')

/** What may be said of a person; everything else is refused. */
export const userFields = {
  login: z.string().optional().describe("As in the path, if it is given: it doesn't change"),
  email: z
    .string()
    .max(MAX_EMAIL_LENGTH)
    .refine(isEmailAddress, { error: 'Not a valid e-mail address' }),
  name: line,
  country: line.optional(),
  region: line.optional(),
  source: z.enum(userSources).optional().describe('`manual` unless said'),
  status: z.enum(userStatuses).optional().describe('`active` unless said'),
}

/** Of these what a change may take away. */
export const clearableFields = {
  country: userFields.country.nullable(),
  region: userFields.region.nullable(),
}

/** A person as callers see them. */
export const userSchema = z.object({
  login: z.string(),
  email: z.string(),
  name: z.string(),
  country: z.string().optional(),
  region: z.string().optional(),
  source: z.enum(userSources),
  status: z.enum(userStatuses),
})
export type PresentedUser = z.infer<typeof userSchema>

export const userExample: PresentedUser = {
  login: 'grace',
  email: 'grace@example.org',
  name: 'Grace H.',
  country: 'Finland',
  source: 'manual',
  status: 'active',
}

/** Lists the fields of a person that leave. */
export function presentUser(user: User): PresentedUser {
  const { login, email, name, country, region, source, status } = user
  return {
    login,
    email,
    name,
    ...(country !== undefined && { country }),
    ...(region !== undefined && { region }),
    source,
    status,
  }
}
