import type { RowReading } from '../../core/roster/fields.ts'
import type { RosterPage } from '../../core/roster/source.ts'

/** A page of what rows came to, in their order. */
export function toPage(
  readings: readonly RowReading[],
  next: string | undefined,
  rest: Partial<Pick<RosterPage, 'warnings' | 'total' | 'revision'>> = {},
): RosterPage {
  const entries = readings.flatMap((reading) => ('entries' in reading ? reading.entries : []))
  const faults = readings.flatMap((reading) => ('fault' in reading ? [reading.fault] : []))
  return { entries, faults, warnings: 0, next, ...rest }
}
