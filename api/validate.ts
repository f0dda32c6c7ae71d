import { z } from 'zod'
import { AppError, type FieldFault } from '../core/errors.ts'

/** The body by its schema; throws `invalid_body` (422) with a pointer and a code for every fault. */
export function validateBody<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: { errors: result.error.issues.flatMap(toFieldFaults) },
  })
}

/** The path's parameters; throws `not_found` (404) when one cannot be right. */
export function validateParams(
  schema: z.ZodType,
  value: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const result = schema.safeParse(value)
  if (result.success) return result.data as Record<string, unknown> // route params are objects
  throw new AppError('not_found', 'Cannot find what this path names', { status: 404 })
}

/** The query's parameters; throws `invalid_query` (400). Unknown names count only when `strict`. */
export function validateQuery(
  schema: z.ZodObject | undefined,
  search: URLSearchParams,
  options: { readonly strict: boolean },
): unknown {
  const known = Object.keys(schema?.shape ?? {})
  const unknown = [...search.keys()].filter((name) => !known.includes(name))
  if (options.strict && unknown.length > 0) {
    throwInvalidQuery(
      unknown.map((name) => fault([name], 'unknown_parameter', 'Unknown parameter')),
    )
  }
  const lists = known.filter((name) => isList(schema?.shape[name]))
  const twice = known.filter((name) => !lists.includes(name) && search.getAll(name).length > 1)
  if (twice.length > 0) {
    throwInvalidQuery(twice.map((name) => fault([name], 'repeated_parameter', 'Given twice')))
  }
  const broken = known.filter((name) => search.getAll(name).some((text) => text.includes('\0')))
  if (broken.length > 0) {
    throwInvalidQuery(broken.map((name) => fault([name], 'invalid_character', 'Must not hold NUL')))
  }
  if (!schema) return {}
  const given = known
    .filter((name) => search.has(name))
    .map((name) => [name, lists.includes(name) ? search.getAll(name) : search.get(name)])
  const result = schema.safeParse(Object.fromEntries(given))
  if (result.success) return result.data
  const absent = (issue: z.core.$ZodIssue): boolean => !search.has(String(issue.path[0]))
  return throwInvalidQuery(
    result.error.issues.flatMap((issue) =>
      absent(issue) ? [fault(issue.path, 'required', 'Missing')] : toFieldFaults(issue),
    ),
  )
}

function isList(schema: z.core.$ZodType | undefined): boolean {
  return (
    schema instanceof z.ZodArray || (schema instanceof z.ZodOptional && isList(schema.unwrap()))
  )
}

function toFieldFaults(issue: z.core.$ZodIssue): FieldFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => fault([...issue.path, key], 'unknown_field', 'Unknown field'))
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  if (missing) return [fault(issue.path, 'required', 'Missing')]
  if (issue.code === 'invalid_type' && issue.message.endsWith('received NaN')) {
    return [fault(issue.path, issue.code, 'Must be a number')]
  }
  return [fault(issue.path, issue.code, issue.message)]
}

/** A fault at a JSON pointer (RFC 6901). */
function fault(path: readonly PropertyKey[], code: string, detail: string): FieldFault {
  const pointer = path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
  return { pointer, code, detail }
}

function throwInvalidQuery(errors: readonly FieldFault[]): never {
  throw new AppError('invalid_query', 'Cannot take these query parameters', {
    status: 400,
    details: { errors },
  })
}
