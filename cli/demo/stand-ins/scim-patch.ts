import { z } from 'zod'

export type ScimAttributes = Readonly<Record<string, unknown>>

const EXTENSION = /^(urn:.+:[A-Za-z]+):([A-Za-z]+)$/
const SELECTED = /^([A-Za-z]+)\[value eq "((?:[^"\\]|\\.)*)"\]$/

const operation = z.object({
  op: z.string().transform((text) => text.toLowerCase()),
  path: z.string().optional(),
  value: z.unknown().optional(),
})

/** A PATCH's body (RFC 7644 §3.5.2). */
export const patchBody = z.object({ Operations: z.array(operation).min(1) })
type Operation = z.output<typeof operation>

/** The attributes after a PATCH; throws for an operation that is not understood. */
export function applyPatch(
  attributes: ScimAttributes,
  { Operations }: z.output<typeof patchBody>,
): ScimAttributes {
  return Operations.reduce(applyOperation, attributes)
}

function applyOperation(attributes: ScimAttributes, operation: Operation): ScimAttributes {
  const { op, path, value } = operation
  if (path === undefined) return { ...attributes, ...(value as object) } // the caller's JSON object
  const selected = SELECTED.exec(path)
  if (selected) return removeSelected(attributes, selected)
  const [outer, inner] = splitPath(path)
  if (inner === undefined) return { ...attributes, [outer]: change(attributes[outer], operation) }
  const held = attributes[outer] as ScimAttributes | undefined // an object, by its schema
  return { ...attributes, [outer]: { ...held, [inner]: op === 'remove' ? undefined : value } }
}

function splitPath(path: string): readonly [string, string | undefined] {
  const extension = EXTENSION.exec(path)
  if (extension) return [extension[1] ?? '', extension[2]]
  const [outer = '', inner] = path.split('.')
  return [outer, inner]
}

function removeSelected(attributes: ScimAttributes, selected: RegExpExecArray): ScimAttributes {
  const [, attribute = '', quoted = ''] = selected
  const value: unknown = JSON.parse(`"${quoted}"`)
  const rest = listOf(attributes[attribute]).filter((one) => valueOf(one) !== value)
  return { ...attributes, [attribute]: rest }
}

function change(held: unknown, { op, value }: Operation): unknown {
  if (op === 'remove') return undefined
  if (op === 'replace' || !Array.isArray(value)) return value
  const known = new Map(listOf(held).map((one) => [valueOf(one), one]))
  for (const one of value as readonly unknown[]) known.set(valueOf(one), one)
  return [...known.values()]
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function valueOf(one: unknown): unknown {
  return typeof one === 'object' && one !== null && 'value' in one ? one.value : one
}
