import { z } from 'zod'

/** A JSON Schema (2020-12, as OpenAPI 3.1 takes it) of what callers send or get. */
export function describeSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
): Readonly<Record<string, unknown>> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
