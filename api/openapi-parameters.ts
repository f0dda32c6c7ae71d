import type { z } from 'zod'
import type { Route } from './guard.ts'
import { describeSchema } from './openapi-schema.ts'

type Spec = Route['spec']
type Json = Readonly<Record<string, unknown>>

// Of parameters that do not bring an example of their own; ids are UUIDs that nobody has.
const PATH_EXAMPLES: Json = {
  compact: 'aslp',
  jurisdiction: 'oh',
  tenantId: 'springfield',
  product: 'reader',
  login: 'ada',
  group: 'login_approvers',
  type: 'login-registration',
  primaryEmail: 'ada@example.com',
  name: 'people',
  asset: 'swagger-ui.css',
}
const ID_EXAMPLE = '00000000-0000-4000-8000-000000000000'

/** The parameters of an operation in path, query and header. */
export function describeParameters(spec: Spec): Json[] {
  const parameters = [
    ...listParameters(spec.params, 'path'),
    ...listParameters(spec.query, 'query'),
  ]
  if (!spec.idempotent) return parameters
  const schema = { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' }
  const description = 'Makes a repeated request answer as the first one did, for 24 hours'
  return [...parameters, { name: 'Idempotency-Key', in: 'header', schema, description }]
}

function listParameters(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return []
  const { properties = {} } = describeSchema(schema, 'input') as {
    properties?: Readonly<Record<string, Json>>
  } // the JSON Schema of an object
  return Object.entries(properties).map(([name, { description, example, ...rest }]) => {
    const shown = example ?? (place === 'path' ? (PATH_EXAMPLES[name] ?? ID_EXAMPLE) : undefined)
    return {
      name,
      in: place,
      required: place === 'path' || isRequired(schema, name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
      ...(shown === undefined ? {} : { example: shown }),
    }
  })
}

// Asked of the rule itself: the JSON Schema of a number that is read from text demands nothing.
function isRequired({ shape }: z.ZodObject, name: string): boolean {
  return (shape[name] as z.ZodType | undefined)?.safeParse(undefined).success === false // of a ZodObject
}
