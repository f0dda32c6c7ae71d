import { z } from 'zod'
import { listRegistrationStates, loginStates } from '../../core/user/login-state.ts'
import { loginKey } from '../../core/user/login.ts'
import { listLogins } from '../../db/user/logins.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { loginListScopes } from '../policies/user.ts'
import { loginItemExample, loginItemSchema, presentLoginItem } from '../presenters/login.ts'

const positionSchema = z.object({ after: z.string() })

/** `GET /v1/logins`: whose logins wait, and what became of the others. */
export const listLoginItems = defineRoute(
  {
    method: 'GET',
    path: '/v1/logins',
    operationId: 'listLogins',
    summary: 'Lists logins by state',
    tags: ['users'],
    auth: { anyScope: loginListScopes },
    query: z.object({ ...pageQuery, state: z.enum(loginStates).optional() }),
    responses: {
      200: {
        description: 'A page of logins',
        schema: pageOf(loginItemSchema),
        example: { items: [loginItemExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ query, url }, { db, cursors }) => {
    const { state, cursor, limit } = query
    const list = `logins ${state ?? ''}`
    const after = cursor === undefined ? '' : positionSchema.parse(cursors.open(list, cursor)).after
    const registrations = listRegistrationStates(state === undefined ? loginStates : [state])
    const found = await listLogins(db, { registrations, after, limit: limit + 1 })
    const { items: page, last } = cutPage(found, limit)
    return replyWithPage(url, {
      items: page.map(presentLoginItem),
      next: last && cursors.sign(list, { after: loginKey(last.login) }),
    })
  },
)
