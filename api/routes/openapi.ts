import { z } from 'zod'
import { defineRoute, type Route } from '../guard.ts'
import { createOpenApi } from '../openapi.ts'

/** `GET /openapi.json` over the routes that the app mounts; the document is made on first use. */
export function createOpenApiRoute(listRoutes: () => readonly Route[]): Route {
  let document: string | undefined
  return defineRoute(
    {
      method: 'GET',
      path: '/openapi.json',
      operationId: 'getOpenApi',
      summary: 'This description of the API',
      tags: ['operation'],
      auth: 'public',
      rateLimited: false,
      responses: {
        200: {
          description: 'An OpenAPI 3.1 document',
          schema: z.looseObject({ openapi: z.string() }),
          example: { openapi: '3.1.0' },
        },
      },
    },
    async () => {
      document ??= JSON.stringify(createOpenApi(listRoutes()))
      return await Promise.resolve({
        status: 200,
        headers: { 'Content-Type': 'application/json' },
        body: document,
      })
    },
  )
}
