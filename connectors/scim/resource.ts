import { z } from 'zod'
import type { PersonField } from '../../core/roster/person-diff.ts'
import type { ScimGroup, ScimPerson, TargetGroup, TargetPerson } from '../../core/roster/target.ts'
import type { ScimAnswer } from './calls.ts'

export const schemas = {
  user: 'urn:ietf:params:scim:schemas:core:2.0:User',
  group: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  enterprise: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  patch: 'urn:ietf:params:scim:api:messages:2.0:PatchOp',
  bulk: 'urn:ietf:params:scim:api:messages:2.0:BulkRequest',
} as const

export type Kind = 'Users' | 'Groups'

/** What a target answered of one account or group, all of it: a PUT sends back what is not ours. */
export type Resource = Readonly<Record<string, unknown>> & { readonly id: string }

export type ResourcePage = {
  readonly resources: readonly Resource[]
  /** Of all pages. */
  readonly total: number
}

// Servers write ids as numbers, booleans as texts, and nothing as null.
const id = z.union([z.string().min(1), z.number().transform(String)])
const resource = z.looseObject({ id })
const list = z.looseObject({
  totalResults: z.coerce.number().int().min(0),
  Resources: z.array(z.unknown()).nullish(),
})
const text = z.string().nullish().catch(null)
const flag = z.union([z.boolean(), z.string().transform((one) => one.toLowerCase() !== 'false')])
const values = z
  .array(z.union([z.string(), z.looseObject({ value: z.string() })]))
  .nullish()
  .catch(null)
const name = z.looseObject({ givenName: text, familyName: text, middleName: text })
const enterprise = z.looseObject({
  employeeNumber: text,
  organization: text,
  division: text,
  department: text,
})
const user = z.looseObject({
  id,
  externalId: text,
  userName: text,
  name: name.nullish().catch(null),
  displayName: text,
  emails: values,
  active: flag.nullish().catch(null),
  userType: text,
  roles: values,
  entitlements: values,
  [schemas.enterprise]: enterprise.nullish().catch(null),
})

const group = z.looseObject({ externalId: text, displayName: text })

/** The resource of an answer; undefined when it holds none. */
export function parseResource({ json }: ScimAnswer): Resource | undefined {
  const parsed = resource.safeParse(json)
  return parsed.success ? parsed.data : undefined
}

/** A page of a list (RFC 7644 §3.4.2); undefined when the answer is none. */
export function parsePage({ json }: ScimAnswer): ResourcePage | undefined {
  const parsed = list.safeParse(json)
  if (!parsed.success) return undefined
  const resources = (parsed.data.Resources ?? []).flatMap((one) => {
    const found = resource.safeParse(one)
    return found.success ? [found.data] : []
  })
  return { resources, total: parsed.data.totalResults }
}

/** What Registrar knows the account by and compares. */
export function toTargetPerson(from: Resource): TargetPerson {
  const parsed = user.parse(from)
  const { externalId, userName, displayName, active, userType } = parsed
  const extension = parsed[schemas.enterprise]
  return {
    scimId: parsed.id,
    ...given('externalId', externalId),
    userName: userName ?? '',
    active: active ?? true,
    entitlements: listValues(parsed.entitlements),
    person: {
      ...given('externalId', externalId),
      ...given('userName', userName),
      ...(parsed.name && { name: toName(parsed.name) }),
      ...given('displayName', displayName),
      ...(parsed.emails && {
        emails: listValues(parsed.emails).map((value) => ({ value, primary: true as const })),
      }),
      active: active ?? true,
      ...given('userType', userType),
      ...(parsed.roles && { roles: listValues(parsed.roles).map((value) => ({ value })) }),
      ...(extension && {
        enterprise: {
          ...given('employeeNumber', extension.employeeNumber),
          ...given('organization', extension.organization),
          ...given('division', extension.division),
          ...given('department', extension.department),
        },
      }),
    },
  }
}

/** What Registrar knows the group by and compares. */
export function toTargetGroup(from: Resource): TargetGroup {
  const { externalId, displayName } = group.parse(from)
  return {
    scimId: from.id,
    ...given('externalId', externalId === '' ? undefined : externalId),
    displayName: displayName ?? '',
    ...(Array.isArray(from['members']) && { members: listMembers(from) }),
  }
}

/** The attributes of a person as they are sent (RFC 7643 §4.1, §4.3). */
export function toPersonBody(
  { enterprise: extension, ...person }: ScimPerson,
  { withEnterprise }: { readonly withEnterprise: boolean },
): Readonly<Record<string, unknown>> {
  const isExtended = withEnterprise && Object.keys(extension).length > 0
  return {
    schemas: isExtended ? [schemas.user, schemas.enterprise] : [schemas.user],
    ...person,
    ...(isExtended && { [schemas.enterprise]: extension }),
  }
}

/** The same with null for what is cleared (RFC 7643 §2.5): all of it is a member of an attribute. */
export function toPersonUpdate(
  person: ScimPerson,
  options: { readonly withEnterprise: boolean; readonly cleared: readonly PersonField[] },
): Readonly<Record<string, unknown>> {
  const body: Record<string, unknown> = { ...toPersonBody(person, options) }
  for (const field of options.cleared) {
    const [first = '', member = ''] = field.split('.')
    const key = first === 'enterprise' ? schemas.enterprise : first
    if (key in body) body[key] = mergeMembers(body[key], { [member]: null })
  }
  return body
}

/** The attributes of a group as they are sent, without its members. */
export function toGroupBody(group: ScimGroup): Readonly<Record<string, unknown>> {
  return { schemas: [schemas.group], ...group }
}

/**
 * What a PUT sends: the resource as it is, with these attributes instead of its own. An attribute
 * that is an object keeps the members that are not given, and loses those that are null.
 */
export function toReplacement(
  { meta: _meta, groups: _groups, ...current }: Resource,
  attributes: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...current }
  for (const [key, value] of Object.entries(attributes)) {
    merged[key] =
      key === 'schemas' ? unite(current[key], value) : dropNulls(mergeMembers(current[key], value))
  }
  return merged
}

/** The version to write over, where the resource says it (RFC 7643 §3.1). */
export function versionOf({ etag }: ScimAnswer, from: Resource): string | undefined {
  const meta = z.looseObject({ version: z.string() }).safeParse(from['meta'])
  return etag ?? (meta.success ? meta.data.version : undefined)
}

/** The id at the end of a resource's address; undefined where there is none to read. */
export function findLocatedId(location: string | null | undefined): string | undefined {
  const last = location?.split('/').at(-1) ?? ''
  try {
    return last === '' ? undefined : decodeURIComponent(last)
  } catch {
    return undefined
  }
}

/** The ids of a group's members. */
export function listMembers(from: Resource): string[] {
  const members = values.parse(from['members'])
  return listValues(members)
}

function unite(held: unknown, wanted: unknown): unknown[] {
  const both = [held, wanted].flatMap((one): unknown[] => (Array.isArray(one) ? one : []))
  return [...new Set(both)]
}

function mergeMembers(held: unknown, wanted: unknown): unknown {
  if (!isPlainObject(held) || !isPlainObject(wanted)) return wanted
  return { ...held, ...wanted }
}

function dropNulls(value: unknown): unknown {
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toName(from: z.output<typeof name>): ScimPerson['name'] {
  return {
    givenName: from.givenName ?? '',
    familyName: from.familyName ?? '',
    ...given('middleName', from.middleName),
  }
}

function listValues(from: z.output<typeof values>): string[] {
  return (from ?? []).map((one) => (typeof one === 'string' ? one : one.value))
}

function given<K extends string>(
  key: K,
  value: string | null | undefined,
): { readonly [P in K]?: string } {
  // A computed key loses its name for the compiler.
  return value === null || value === undefined ? {} : ({ [key]: value } as { [P in K]: string })
}
