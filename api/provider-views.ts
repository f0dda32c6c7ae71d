import { findCompact, timeZoneOf, type Compact, type Compacts } from '../core/license/compacts.ts'
import {
  dayIn,
  viewProvider,
  type ProviderView,
  type Today,
} from '../core/license/provider-view.ts'
import type { StoredProvider } from '../core/license/stored-license.ts'
import { getRow, type Queryable } from '../db/client.ts'
import { findProvider, loadProviderParts } from '../db/providers.ts'

/** The compact and the instant that a provider's status depends on. */
export type ReadingMoment = { readonly compact: Compact; readonly now: Date }

/** The configured compact; throws `not_found` (404). */
export function getCompact(compacts: Compacts, code: string): Compact {
  const compact = findCompact(compacts, code)
  return getRow(compact ? [compact] : [], `Cannot find compact "${code}"`)
}

/** The days of a moment: today's date in the time zone of each of the compact's jurisdictions. */
export function createToday({ compact, now }: ReadingMoment): Today {
  return (jurisdiction) => dayIn(timeZoneOf(compact, jurisdiction), now)
}

/** These providers with their licenses and privileges, their status of the moment derived. */
export async function listViews(
  db: Queryable,
  providers: readonly StoredProvider[],
  moment: ReadingMoment,
): Promise<ProviderView[]> {
  const today = createToday(moment)
  const parts = await loadProviderParts(db, providers)
  return parts.map((part) => viewProvider(part, today)).filter((view) => view !== undefined)
}

/** One provider of the compact; throws `not_found` (404), for another compact's as well. */
export async function getView(
  db: Queryable,
  providerId: string,
  moment: ReadingMoment,
): Promise<ProviderView> {
  const key = { compact: moment.compact.abbreviation, providerId }
  const provider = await findProvider(db, key)
  const views = provider ? await listViews(db, [provider], moment) : []
  return getRow(views, `Cannot find provider "${providerId}"`)
}
