import { z } from 'zod'
import { findLoginFault } from '../../core/user/login.ts'

/** A login as a body gives it. */
export const loginSchema = z.string().superRefine((login, context) => {
  const fault = findLoginFault(login)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
