import { z } from 'zod'
import { formatPermissions, permissionsChange } from '../../core/staff/permissions.ts'
import type { StaffUser } from '../../db/staff/records.ts'

const attributes = z.object({ email: z.string(), givenName: z.string(), familyName: z.string() })

export const staffUserSchema = z.object({
  userId: z.string().describe("The `sub` of the user's tokens"),
  attributes,
  permissions: z.record(z.string(), permissionsChange).describe('By compact; only what is held'),
  status: z.enum(['active', 'inactive', 'broken']),
  dateOfUpdate: z.iso.datetime(),
})

export const staffUserExample = {
  userId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  attributes: { email: 'ada@board.example', givenName: 'Ada', familyName: 'Byron' },
  permissions: {
    aslp: { actions: { admin: true }, jurisdictions: { oh: { actions: { write: true } } } },
  },
  status: 'active',
  dateOfUpdate: '2026-01-02T03:04:05.678Z',
}

/** A staff user as administrators of these compacts see them; `broken` where a record cannot be understood. */
export function presentStaffUser(
  first: StaffUser,
  records: readonly StaffUser[] = [first],
): z.output<typeof staffUserSchema> {
  const { userId, email, givenName, familyName, updatedAt } = first
  const standing = records.some(({ status }) => status === 'active') ? 'active' : 'inactive'
  const isBroken = records.some(({ permissions }) => permissions === undefined)
  return {
    userId,
    attributes: { email, givenName, familyName },
    permissions: Object.fromEntries(
      records.flatMap(({ compact, permissions }) =>
        permissions ? [[compact, formatPermissions(permissions)]] : [],
      ),
    ),
    status: isBroken ? 'broken' : standing,
    dateOfUpdate: updatedAt.toISOString(),
  }
}
