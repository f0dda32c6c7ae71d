import type { Route } from './guard.ts'
import { listAuditEntries } from './routes/audit.ts'
import { decodePayloads, encodePayloads, openCodecSession } from './routes/codec.ts'
import { getDocs, getDocsAsset, getTemporalUiPage } from './routes/docs.ts'
import { getHealth } from './routes/health.ts'
import { getMetrics } from './routes/metrics.ts'
import { createOpenApiRoute } from './routes/openapi.ts'
import { getProviderHistory } from './routes/provider-history.ts'
import { queryProviders } from './routes/provider-query.ts'
import { getProviderSsn } from './routes/provider-ssn.ts'
import { getProvider } from './routes/providers.ts'
import { getReadiness } from './routes/readiness.ts'

/** All operations of the API; of two paths that fit, the one listed first answers. */
export function createRoutes(): readonly Route[] {
  const routes: readonly Route[] = [
    queryProviders,
    getProvider,
    getProviderHistory,
    getProviderSsn,
    listAuditEntries,
    decodePayloads,
    encodePayloads,
    openCodecSession,
    getHealth,
    getReadiness,
    getMetrics,
    createOpenApiRoute(() => routes),
    getDocs,
    getTemporalUiPage,
    getDocsAsset,
  ]
  return routes
}
