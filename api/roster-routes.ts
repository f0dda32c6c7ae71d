import type { Route } from './guard.ts'
import { getProduct, listTenantProducts, putProduct } from './routes/products.ts'
import { getSyncRun, listSyncErrors, listSyncHistory } from './routes/roster-history.ts'
import { getSyncPlan, planDecisions, streamSyncChanges } from './routes/roster-plans.ts'
import { deleteProvider, providerSwitches, testProvider } from './routes/roster-provider-deeds.ts'
import {
  getRosterProvider,
  listProviders,
  postProvider,
  putProvider,
} from './routes/roster-providers.ts'
import {
  getRosterReport,
  listRosterReports,
  listRosterReportDrifts,
  stopRosterReport,
  postRosterReconcile,
} from './routes/roster-reconciles.ts'
import { getWebhookSettings, putWebhookSettings, rosterWebhooks } from './routes/roster-webhooks.ts'
import { postRosterUpload } from './routes/roster-uploads.ts'
import { getSyncStatus, startSync, stopSync, streamSyncEvents } from './routes/roster-sync.ts'
import { getSchoolSeats, getSeats } from './routes/seats.ts'
import { listTenantAuditEntries } from './routes/tenant-audit.ts'

/** The operations of a tenant's rosters. */
export const rosterRoutes: readonly Route[] = [
  listProviders,
  postProvider,
  getRosterProvider,
  putProvider,
  deleteProvider,
  testProvider,
  ...providerSwitches,
  startSync,
  getSyncStatus,
  streamSyncEvents,
  stopSync,
  listSyncHistory,
  getSyncRun,
  listSyncErrors,
  getSyncPlan,
  streamSyncChanges,
  ...planDecisions,
  postRosterReconcile,
  listRosterReports,
  getRosterReport,
  listRosterReportDrifts,
  stopRosterReport,
  listTenantAuditEntries,
  getWebhookSettings,
  putWebhookSettings,
  ...rosterWebhooks,
  postRosterUpload,
  listTenantProducts,
  getProduct,
  putProduct,
  getSeats,
  getSchoolSeats,
]
