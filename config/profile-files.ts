import { z } from 'zod'
import { publisherNames } from '../core/profile/document.ts'
import { readSchedule } from '../core/source/schedule.ts'

/** One entry of `SINKS_FILE`, with whatever its kind takes. */
export type SinkConfig = z.output<typeof sink>

const sink = z.looseObject({
  name: z
    .string()
    .min(1)
    .refine((name) => !name.startsWith(':'), 'must not begin with a colon'),
  kind: z.enum(['ldap', 'auth0', 'sql', 'webhook', 'scim']),
})

/** The list in `SINKS_FILE`; the settings of each kind are judged where the sink is opened. */
export const sinkList = uniqueNames(sink)

/** One entry of `SOURCES_FILE`, with whatever its kind takes. */
export type SourceConfig = z.output<typeof source>

const source = z.looseObject({
  name: z.string().min(1),
  kind: z.enum(['ldap', 'hris', 'auth0']),
  publisher: z.enum(publisherNames),
  every: z
    .string()
    .refine(
      (text) => readSchedule(text) !== undefined,
      'must be a duration such as 15m, or cron with a time zone: 0 2 * * * Europe/Paris',
    )
    .optional(),
})

/** The list in `SOURCES_FILE`; the settings of each kind are judged where the source is opened. */
export const sourceList = uniqueNames(source)

function uniqueNames<T extends { readonly name: string }>(item: z.ZodType<T>): z.ZodType<T[]> {
  const isUnique = (list: readonly T[]): boolean =>
    new Set(list.map(({ name }) => name)).size === list.length
  return z.array(item).refine(isUnique, 'must give each one a name of its own')
}
