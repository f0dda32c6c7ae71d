import type { Route } from './guard.ts'
import { postBulkVotes } from './routes/approval-bulk-votes.ts'
import { getApprovalDigests } from './routes/approval-digests.ts'
import { delegateApproval } from './routes/approval-delegations.ts'
import {
  retryFailedApproval,
  revokeAppliedApproval,
  withdrawOwnApproval,
} from './routes/approval-ends.ts'
import { explainApproval } from './routes/approval-explain.ts'
import { provideApprovalInfo, requestApprovalInfo } from './routes/approval-info.ts'
import { getApprovalPolicy, putApprovalPolicy } from './routes/approval-policies.ts'
import { postVote } from './routes/approval-votes.ts'
import { getApproval, listApprovalItems } from './routes/approvals.ts'
import { listAuditEntries } from './routes/audit.ts'
import { postBlob } from './routes/blobs.ts'
import { decodePayloads, encodePayloads, openCodecSession } from './routes/codec.ts'
import { getChange, getChangeStatus, listChanges } from './routes/changes.ts'
import { getDeadLetters, postRedrive, postRedriveAll } from './routes/dead-letters.ts'
import { getDocs, getDocsAsset, getTemporalUiPage } from './routes/docs.ts'
import { deleteGroupMember, listGroupMembers, putGroup, putGroupMember } from './routes/groups.ts'
import { getHealth } from './routes/health.ts'
import {
  getLicenseRollback,
  listRollbackLicenses,
  listUploadRollbacks,
  postRollbackRollback,
  postUploadRollback,
} from './routes/license-rollbacks.ts'
import { getBulkUploadForm, postLicenses } from './routes/licenses.ts'
import { approveLogin, rejectLogin, revokeApprovedLogin } from './routes/login-decisions.ts'
import { postBulkLoginDecisions } from './routes/login-bulk-decisions.ts'
import { listLoginItems } from './routes/logins.ts'
import { getMetrics } from './routes/metrics.ts'
import { createOpenApiRoute } from './routes/openapi.ts'
import { profileByKeyRoutes } from './routes/profile-by-key.ts'
import { getProfileSchema, getPublisherRules } from './routes/profile-documents.ts'
import { explainProfile } from './routes/profile-explanation.ts'
import { getProfileHistory } from './routes/profile-history.ts'
import { listUserIds } from './routes/profile-ids.ts'
import { getProfileMetadata } from './routes/profile-metadata.ts'
import { searchUsers } from './routes/profile-search.ts'
import { listUsers } from './routes/profiles.ts'
import { deleteProfile, patchProfile, postProfile, putProfile } from './routes/profile-change.ts'
import { postProfiles, putProfiles } from './routes/profile-changes.ts'
import { getWellKnownIam } from './routes/mozilla-iam.ts'
import { getProviderHistory } from './routes/provider-history.ts'
import { queryProviders } from './routes/provider-query.ts'
import { getProviderSsn } from './routes/provider-ssn.ts'
import { getProvider } from './routes/providers.ts'
import { rosterRoutes } from './roster-routes.ts'
import { getReadiness } from './routes/readiness.ts'
import { streamUploadEvents } from './routes/upload-events.ts'
import { getUploadErrorsCsv, getUploadRejectedCsv } from './routes/upload-files.ts'
import {
  getLatestReconcile,
  getReconcile,
  listReconcileDrifts,
  postSinkReconcile,
} from './routes/sink-reconciles.ts'
import { listSinks, postSinkPause, postSinkResume } from './routes/sinks.ts'
import {
  getSignatureFaults,
  getSignatureRun,
  getLatestSignatureRun,
  postSignatureRun,
} from './routes/signature-runs.ts'
import {
  getSourceItems,
  getSourceRun,
  getSourceRuns,
  listSources,
  postSourceRun,
} from './routes/sources.ts'
import { getStaffMe, patchStaffMe } from './routes/staff-me.ts'
import {
  deleteStaff,
  getStaffUser,
  listStaff,
  patchStaffUser,
  postStaffUser,
} from './routes/staff-users.ts'
import { postCognitoHook, postScopesHook } from './routes/token-hooks.ts'
import { listUploadErrors, listUploadWarnings } from './routes/upload-rows.ts'
import { deleteUpload, getUpload, listUploads } from './routes/uploads.ts'
import { getAuthentication, getAuthorization, postAuthentication } from './routes/user-authn.ts'
import { postRegistration } from './routes/user-register.ts'
import { getUserinfo } from './routes/userinfo.ts'
import { deleteUserByLogin, getUser, postUser, putReservedUsers, putUser } from './routes/users.ts'
import {
  getOwnDelivery,
  listOwnDeliveries,
  replayAnyDelivery,
  replayOwnDelivery,
} from './routes/webhook-deliveries.ts'
import { enableOwnSubscription, rotateSubscription } from './routes/webhook-secrets.ts'
import {
  deleteOwnSubscription,
  getSubscription,
  listOwnSubscriptions,
  postSubscription,
} from './routes/webhook-subscriptions.ts'

const licenseRoutes: readonly Route[] = [
  postLicenses,
  getBulkUploadForm,
  postBlob,
  listUploads,
  getUpload,
  streamUploadEvents,
  listUploadErrors,
  getUploadErrorsCsv,
  getUploadRejectedCsv,
  listUploadWarnings,
  deleteUpload,
  queryProviders,
  getProvider,
  getProviderHistory,
  getProviderSsn,
]

const profileRoutes: readonly Route[] = [
  postProfile,
  putProfile,
  patchProfile,
  deleteProfile,
  postProfiles,
  putProfiles,
  getChangeStatus,
  getChange,
  listChanges,
  getWellKnownIam,
  ...profileByKeyRoutes,
  getProfileMetadata,
  listUsers,
  listUserIds,
  searchUsers,
  getUserinfo,
  getProfileHistory,
  explainProfile,
  getProfileSchema,
  getPublisherRules,
]

const propagationRoutes: readonly Route[] = [
  postSignatureRun,
  getLatestSignatureRun,
  getSignatureRun,
  getSignatureFaults,
  listSources,
  postSourceRun,
  getSourceRuns,
  getSourceRun,
  getSourceItems,
  listSinks,
  postSinkPause,
  postSinkResume,
  postSinkReconcile,
  getLatestReconcile,
  getReconcile,
  listReconcileDrifts,
  getDeadLetters,
  postRedrive,
  postRedriveAll,
]

const staffRoutes: readonly Route[] = [
  getStaffMe,
  patchStaffMe,
  listStaff,
  postStaffUser,
  getStaffUser,
  patchStaffUser,
  deleteStaff,
  postCognitoHook,
  postScopesHook,
]

const approvalRoutes: readonly Route[] = [
  listApprovalItems,
  getApproval,
  explainApproval,
  postUploadRollback,
  listUploadRollbacks,
  postRollbackRollback,
  getLicenseRollback,
  listRollbackLicenses,
  postBulkVotes,
  getApprovalDigests,
  postVote,
  requestApprovalInfo,
  provideApprovalInfo,
  delegateApproval,
  withdrawOwnApproval,
  revokeAppliedApproval,
  retryFailedApproval,
  getApprovalPolicy,
  putApprovalPolicy,
]

const groupRoutes: readonly Route[] = [
  putGroup,
  listGroupMembers,
  putGroupMember,
  deleteGroupMember,
]

const userRoutes: readonly Route[] = [
  postRegistration,
  approveLogin,
  rejectLogin,
  revokeApprovedLogin,
  getAuthentication,
  getAuthorization,
  postAuthentication,
  listLoginItems,
  postBulkLoginDecisions,
  getUser,
  putUser,
  postUser,
  deleteUserByLogin,
  ...putReservedUsers,
]

const operationRoutes: readonly Route[] = [
  listAuditEntries,
  decodePayloads,
  encodePayloads,
  openCodecSession,
  getHealth,
  getReadiness,
  getMetrics,
  getDocs,
  getTemporalUiPage,
  getDocsAsset,
]

const webhookRoutes: readonly Route[] = [
  postSubscription,
  listOwnSubscriptions,
  getSubscription,
  deleteOwnSubscription,
  rotateSubscription,
  enableOwnSubscription,
  listOwnDeliveries,
  getOwnDelivery,
  replayAnyDelivery,
  replayOwnDelivery,
]

/** All operations of the API; of two paths that fit, the one listed first answers. */
export function createRoutes(): readonly Route[] {
  const routes: readonly Route[] = [
    ...licenseRoutes,
    ...profileRoutes,
    ...propagationRoutes,
    ...staffRoutes,
    ...approvalRoutes,
    ...groupRoutes,
    ...userRoutes,
    ...webhookRoutes,
    ...rosterRoutes,
    createOpenApiRoute(() => routes),
    ...operationRoutes,
  ]
  return routes
}
