import { defineRoute } from '../guard.ts'

/** `GET /metrics`: figures of this process in the Prometheus text format. */
export const getMetrics = defineRoute(
  {
    method: 'GET',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Figures of this process for Prometheus',
    tags: ['operation'],
    auth: 'public',
    rateLimited: false,
    responses: {
      200: {
        description: 'Metrics in the Prometheus text format',
        contentType: 'text/plain',
        example: '# TYPE http_request_duration_seconds histogram\n',
      },
    },
  },
  async (_, { metrics }) => ({
    status: 200,
    headers: { 'Content-Type': metrics.registry.contentType },
    body: await metrics.registry.metrics(),
  }),
)
