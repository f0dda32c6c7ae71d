import { z } from 'zod'
import { defineRoute } from '../guard.ts'

/** `GET /healthz`: the process answers; nothing else is looked at. */
export const getHealth = defineRoute(
  {
    method: 'GET',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Tells that the process answers',
    tags: ['operation'],
    auth: 'public',
    rateLimited: false,
    responses: {
      200: {
        description: 'The process answers',
        schema: z.object({ status: z.literal('ok') }),
        example: { status: 'ok' },
      },
    },
  },
  async () => ({ status: 200, body: { status: 'ok' } }),
)
