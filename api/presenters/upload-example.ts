import type { UploadView } from './upload.ts'

const self = '/v1/uploads/0190b3a2-5c1e-7c4a-9d3e-2f6b8a1c4d5e'

/** What the documentation shows of an upload under way. */
export const uploadExample: UploadView = {
  uploadId: '0190b3a2-5c1e-7c4a-9d3e-2f6b8a1c4d5e',
  kind: 'license',
  compact: 'aslp',
  jurisdiction: 'al',
  state: 'ingesting',
  createdAt: '2026-03-02T14:00:00.000Z',
  expiresAt: '2026-03-02T15:00:00.000Z',
  receivedAt: '2026-03-02T14:00:05.000Z',
  startedAt: '2026-03-02T14:00:05.200Z',
  finishedAt: null,
  cancelRequested: false,
  bytes: { total: 21_400_000, processed: 21_400_000 },
  rows: { total: 100_000, validated: 100_000, ingested: 40_000 },
  rowsPerSecond: 14_000,
  etaSeconds: 3,
  counts: {
    records: 42_000,
    accepted: 39_900,
    rejected: 2_000,
    duplicates: 100,
    unchanged: 0,
    created: 39_000,
    updated: 880,
    stale: 20,
  },
  fileFaults: [],
  failureCode: null,
  links: {
    self,
    events: `${self}/events`,
    errors: `${self}/errors`,
    errorsCsv: `${self}/errors.csv`,
    rejectedCsv: `${self}/rejected.csv`,
    warnings: `${self}/warnings`,
  },
}
