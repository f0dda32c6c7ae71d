import { z } from 'zod'
import { providerDocument, secretMask } from '../../core/roster/provider.ts'
import type { RosterProvider } from '../../db/roster/providers.ts'

/** What a provider shows beside its settings; a PUT may send them back, to no effect. */
export const readOnlyMembers = {
  id: z.uuid(),
  tenantId: z.string(),
  paused: z.boolean().describe('Nothing starts by itself until somebody resumes it'),
  skippedStarts: z.int().describe('Starts of schedules and webhooks that fell into a pause'),
  cursorAt: z.iso
    .datetime()
    .nullable()
    .describe('The state that the next incremental run begins with'),
  fullAt: z.iso.datetime().nullable().describe('The newest full run that was applied'),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
}

export const rosterProviderSchema = z.object({ ...readOnlyMembers, ...providerDocument.shape })

export const providerBodyExample = {
  name: 'Spring Valley',
  kind: 'classlink',
  version: '1.2',
  baseUrl: 'https://springvalley.example/ims/oneroster/rostering/v1p2',
  auth: {
    type: 'oauth2',
    tokenUrl: 'https://springvalley.example/token',
    clientId: 'registrar',
    clientSecret: 'the secret of the client',
  },
  schedule: { cron: '0 * * * *', timeZone: 'America/Chicago' },
  mappings: {
    userName: ['email', 'districtUsername', 'sisId@springvalley.example'],
    onCollision: 'suffix',
  },
  guard: { deactivations: { atLeast: 50, percent: 10 }, whileHeld: 'hold-all' },
  scim: {
    baseUrl: 'https://learning.example/scim/v2',
    auth: { type: 'bearer', token: 'the token of the target' },
    adopt: 'externalId',
  },
  timeZone: 'America/Chicago',
  pauses: [{ from: '2027-06-15T00:00', to: '2027-08-20T00:00' }],
} as const

export const rosterProviderExample = {
  id: '01990a5e-1111-7000-8000-3d9b6c1f0a42',
  tenantId: 'spring-valley',
  paused: false,
  skippedStarts: 0,
  cursorAt: '2026-01-02T02:54:05.678Z',
  fullAt: '2026-01-01T03:04:05.678Z',
  createdAt: '2025-12-01T10:00:00.000Z',
  updatedAt: '2025-12-01T10:00:00.000Z',
  ...providerBodyExample,
  auth: { ...providerBodyExample.auth, clientSecret: secretMask },
  filters: {},
  guard: {
    deactivations: { atLeast: 50, percent: 10 },
    updates: { percent: 75 },
    shrunk: { percent: 50 },
    rekeyed: true,
    whileHeld: 'hold-all',
  },
  scim: {
    ...providerBodyExample.scim,
    auth: { type: 'bearer', token: secretMask },
    deleteAfter: null,
  },
} as const

/** A provider with its settings as they are stored: secrets masked. */
export function presentRosterProvider(
  provider: RosterProvider,
): z.output<typeof rosterProviderSchema> {
  return {
    id: provider.id,
    tenantId: provider.tenant,
    paused: provider.isPaused,
    skippedStarts: provider.skippedStarts,
    cursorAt: provider.cursorAt?.toISOString() ?? null,
    fullAt: provider.fullAt?.toISOString() ?? null,
    createdAt: provider.createdAt.toISOString(),
    updatedAt: provider.updatedAt.toISOString(),
    ...provider.settings,
  }
}
