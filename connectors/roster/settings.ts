import type { ProviderSettings } from '../../core/roster/provider.ts'

/** What of a provider's settings says how its source is read, secrets included. */
export type RosterSourceSettings = Pick<ProviderSettings, 'kind' | 'version' | 'baseUrl' | 'auth'>
