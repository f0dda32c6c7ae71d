import { z } from 'zod'
import type { ResponseDoc } from '../guard.ts'
import { approvalExample } from './approval-example.ts'
import { approvalSchema } from './approval.ts'

const MAX_TEXT_LENGTH = 2_000

/** What somebody writes on an approval. */
export const approvalText = z.string().trim().min(1).max(MAX_TEXT_LENGTH)

/** What an operation that changes an approval answers. */
export const changedApproval: Readonly<Record<200, ResponseDoc>> = {
  200: {
    description: 'The approval as it stands then',
    schema: approvalSchema,
    example: approvalExample,
  },
}
