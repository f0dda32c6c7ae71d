import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Database } from '../db/client.ts'

export type ApiMetrics = {
  readonly registry: Registry
  readonly observe: (request: ObservedRequest) => void
  /** Somebody has no scopes because their staff record cannot be understood. */
  readonly countBrokenStaffRecord: () => void
}

export type ObservedRequest = {
  readonly method: string
  /** The path template; undefined where no route matched. */
  readonly route: string | undefined
  readonly status: number
  readonly seconds: number
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

/** The process's figures; labels are templates and codes, so that they stay few and name nobody. */
export function createApiMetrics(db: Database): ApiMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  addPoolGauge(registry, db)
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  })
  const brokenStaffRecords = new Counter({
    name: 'staff_records_broken_total',
    help: 'Look-ups of staff whose record cannot be understood: alert on any',
    registers: [registry],
  })
  return {
    registry,
    countBrokenStaffRecord: () => brokenStaffRecords.inc(),
    observe({ method, route, status, seconds }) {
      const labels = {
        method: METHODS.has(method) ? method : 'other',
        route: route ?? 'unmatched',
        status: String(status),
      }
      durations.observe(labels, seconds)
    },
  }
}

function addPoolGauge(registry: Registry, db: Database): void {
  const gauge = new Gauge({
    name: 'postgres_pool_connections',
    help: 'Connections of this process by state; waiting counts requests without one',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      gauge.set({ state: 'idle' }, db.idleCount)
      gauge.set({ state: 'busy' }, db.totalCount - db.idleCount)
      gauge.set({ state: 'waiting' }, db.waitingCount)
    },
  })
}
