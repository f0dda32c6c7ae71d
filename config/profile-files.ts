import { z } from 'zod'

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string().min(1) })).min(1) })

/** The document in `PUBLISHERS_FILE`: a salt, and each publisher's keys. */
export const publishers = z.strictObject({
  salt: z.string().min(1),
  publishers: z.record(z.string().min(1), z.object({ jwks })),
})

/** The list in `SINKS_FILE`; the settings of each kind are judged where the sink is opened. */
export const sinkList = uniqueNames(
  z.looseObject({
    name: z.string().min(1),
    kind: z.enum(['ldap', 'auth0', 'sql', 'webhook', 'scim']),
  }),
)

/** The list in `SOURCES_FILE`; the settings of each kind are judged where the source is opened. */
export const sourceList = uniqueNames(
  z.looseObject({
    name: z.string().min(1),
    kind: z.enum(['ldap', 'hris', 'auth0']),
    publisher: z.string().min(1),
  }),
)

function uniqueNames<T extends { readonly name: string }>(item: z.ZodType<T>): z.ZodType<T[]> {
  const isUnique = (list: readonly T[]): boolean =>
    new Set(list.map(({ name }) => name)).size === list.length
  return z.array(item).refine(isUnique, 'must give each one a name of its own')
}
