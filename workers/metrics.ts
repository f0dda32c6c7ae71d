import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Database } from '../db/client.ts'
import { getStartBacklog } from '../db/workflow-starts.ts'
import { countWaitingDeliveries } from '../db/webhook/housekeeping.ts'

export type WorkerMetrics = {
  readonly registry: Registry
  readonly countHandedOver: (count: number) => void
  readonly setPolling: (isPolling: boolean) => void
  /** An attempt to deliver to a webhook endpoint, or by mail, has ended. */
  readonly countDelivery: (kind: string, outcome: string) => void
}

export type MetricsServer = { readonly url: string; readonly close: () => Promise<void> }

/** The worker process's figures; none has a label that could name anybody. */
export function createWorkerMetrics(db: Database): WorkerMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  addBacklogGauges(registry, db)
  addWaitingGauge(registry, db)
  const handedOver = new Counter({
    name: 'registrar_outbox_handed_over_total',
    help: 'Workflow starts that the relay handed to Temporal',
    registers: [registry],
  })
  const polling = new Gauge({
    name: 'registrar_worker_polling',
    help: '1 while this process takes tasks from Temporal',
    registers: [registry],
  })
  const deliveries = new Counter({
    name: 'registrar_webhook_deliveries_total',
    help: 'Attempts to deliver to webhook endpoints and by mail, by how they ended',
    labelNames: ['kind', 'outcome'],
    registers: [registry],
  })
  return {
    registry,
    countDelivery: (kind, outcome) => deliveries.inc({ kind, outcome }),
    countHandedOver: (count) => handedOver.inc(count),
    setPolling: (isPolling) => polling.set(isPolling ? 1 : 0),
  }
}

/** Serves `/metrics`, and `/healthz` for whoever restarts the process. */
export async function serveMetrics(
  metrics: WorkerMetrics,
  listen: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    void answer(metrics, request.url).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' })
      response.end(body)
    })
  })
  server.listen(listen.port, listen.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  return { url: `http://${listen.host}:${port}`, close: async () => await closeServer(server) }
}

type Answer = { readonly status: number; readonly type: string; readonly body: string }

async function answer({ registry }: WorkerMetrics, path: string | undefined): Promise<Answer> {
  const type = 'text/plain; charset=utf-8'
  if (path === '/healthz') return { status: 200, type, body: 'ok\n' }
  if (path !== '/metrics') return { status: 404, type, body: 'not found\n' }
  try {
    return { status: 200, type: registry.contentType, body: await registry.metrics() }
  } catch {
    return { status: 503, type, body: 'the database does not answer\n' }
  }
}

function addBacklogGauges(registry: Registry, db: Database): void {
  const waiting = new Gauge({
    name: 'registrar_outbox_waiting',
    help: 'Workflow starts that Temporal has not taken yet',
    registers: [registry],
  })
  const oldest = new Gauge({
    name: 'registrar_outbox_oldest_seconds',
    help: 'How long the oldest of them has been waiting',
    registers: [registry],
    async collect() {
      const backlog = await getStartBacklog(db)
      waiting.set(backlog.waiting)
      oldest.set(backlog.oldestSeconds)
    },
  })
}

function addWaitingGauge(registry: Registry, db: Database): void {
  const waiting = new Gauge({
    name: 'registrar_webhook_waiting',
    help: 'Messages that have not reached their webhook endpoint yet',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      waiting.reset()
      for (const { kind, count } of await countWaitingDeliveries(db)) waiting.set({ kind }, count)
    },
  })
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
