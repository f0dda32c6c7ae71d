import type { FieldFault } from '../errors.ts'
import {
  attributeGroups,
  attributeRules,
  contentMemberOf,
  type AttributeRule,
  type LeafPath,
} from './attributes.ts'
import { isDateTime } from './date-time.ts'
import { publisherNames, signatureAlgorithms, signatureTypes } from './document.ts'

type JsonObject = Readonly<Record<string, unknown>>
type Report = (fault: FieldFault) => void

/** What is judged: a value, where it stands in the document, and who hears of faults. */
type Judged = {
  readonly value: unknown
  readonly name: string
  readonly parent: Judged | undefined
  readonly report: Report
}
type Check = (judged: Judged) => void

const { hasOwn, keys } = Object

const SCHEMA_URL = /^https?:\/\//

const text = ofType('a text', (value) => typeof value === 'string')
const maybeText = ofType('a text or null', (value) => value === null || typeof value === 'string')
const maybeTruth = ofType('true, false or null', (value) => value === null || isTruth(value))
const truth = ofType('true or false', isTruth)
const maybeObject = ofType('an object or null', (value) => value === null || isObject(value))

const additionalSigner = createSigner(maybeText)
const checkSignature = object({
  publisher: createSigner(oneOf(publisherNames)),
  additional: listOf(additionalSigner),
})

const leafChecks = new Map<LeafPath, Check>(
  Object.entries(attributeRules).map(([path, rule]) => [path, createLeafCheck(rule)]),
)
const members = createMembers()
const checkWhole = object(members.whole)
const checkPartial = object(members.partial, { partial: true })

export type ProfileFaultsOptions = {
  /** Members of the profile and of its groups may be missing; attributes are whole all the same. */
  readonly partial?: boolean
}

/**
 * Everything in which a document breaks the profile's schema, with a pointer for each; empty for a
 * good one. Says the same as `profileSchema` and quotes no value.
 */
export function listProfileFaults(
  profile: unknown,
  { partial = false }: ProfileFaultsOptions = {},
): FieldFault[] {
  const faults: FieldFault[] = []
  const check = partial ? checkPartial : checkWhole
  check({
    value: profile,
    name: '',
    parent: undefined,
    report: (fault) => void faults.push(fault),
  })
  return faults
}

function createMembers(): { whole: Record<string, Check>; partial: Record<string, Check> } {
  const schema: Check = (judged) => {
    text(judged)
    if (typeof judged.value === 'string' && !SCHEMA_URL.test(judged.value)) {
      refuse(judged, 'invalid_format', 'Must be an http or https address')
    }
  }
  const whole: Record<string, Check> = { schema }
  const partial: Record<string, Check> = { schema }
  for (const [path, check] of leafChecks) {
    if (!path.includes('.')) whole[path] = partial[path] = check
  }
  for (const group of attributeGroups) {
    const leaves = [...leafChecks].filter(([path]) => path.startsWith(`${group}.`))
    const checks = Object.fromEntries(
      leaves.map(([path, check]) => [path.slice(group.length + 1), check]),
    )
    whole[group] = object(checks)
    partial[group] = object(checks, { partial: true })
  }
  return { whole, partial }
}

function createLeafCheck(rule: AttributeRule): Check {
  const dateTime: Check = (judged) => {
    text(judged)
    if (typeof judged.value === 'string' && !isDateTime(judged.value)) {
      refuse(judged, 'invalid_format', 'Must be a date-time of RFC 3339')
    }
  }
  return object({
    signature: checkSignature,
    metadata: object({
      classification: oneOf([rule.classification]),
      display: oneOf(rule.displays),
      created: dateTime,
      last_modified: dateTime,
      verified: truth,
    }),
    [contentMemberOf(rule)]: createContentCheck(rule),
  })
}

function createContentCheck(rule: AttributeRule): Check {
  switch (rule.kind) {
    case 'string':
      return maybeText
    case 'boolean':
      return maybeTruth
    case 'access':
      return maybeObject
    case 'values':
      return createValuesCheck(rule.acceptsList ?? false)
    default:
      return rule.kind satisfies never
  }
}

function createValuesCheck(acceptsList: boolean): Check {
  const list = listOf(text)
  return (judged) => {
    if (acceptsList && Array.isArray(judged.value)) return list(judged)
    maybeObject(judged)
    if (!isObject(judged.value)) return
    for (const [name, value] of Object.entries(judged.value)) {
      if (typeof value !== 'string' && value !== null) maybeText(member(judged, name))
    }
  }
}

function createSigner(name: Check): Check {
  return object({
    alg: oneOf(signatureAlgorithms),
    typ: oneOf(signatureTypes),
    name,
    value: text,
  })
}

function object(checks: Readonly<Record<string, Check>>, { partial = false } = {}): Check {
  const entries = Object.entries(checks)
  return (judged) => {
    const { value } = judged
    if (!isObject(value)) return refuse(judged, 'invalid_type', 'Must be an object')
    for (const [name, check] of entries) {
      if (hasOwn(value, name)) check(member(judged, name))
      else if (!partial) refuse(member(judged, name), 'required', 'Missing')
    }
    for (const name of keys(value)) {
      if (!hasOwn(checks, name)) refuse(member(judged, name), 'unknown_field', 'Unknown field')
    }
  }
}

function listOf(check: Check): Check {
  return (judged) => {
    if (!Array.isArray(judged.value)) return refuse(judged, 'invalid_type', 'Must be a list')
    for (const index of judged.value.keys()) check(member(judged, String(index)))
  }
}

function oneOf(allowed: readonly (string | null)[]): Check {
  const detail = `Must be ${allowed.map((value) => JSON.stringify(value)).join(' or ')}`
  return (judged) => {
    if (!allowed.includes(judged.value as string | null)) refuse(judged, 'invalid_value', detail)
  }
}

function ofType(name: string, fits: (value: unknown) => boolean): Check {
  return (judged) => {
    if (!fits(judged.value)) refuse(judged, 'invalid_type', `Must be ${name}`)
  }
}

function member(parent: Judged, name: string): Judged {
  const value = (parent.value as JsonObject)[name] // of an object or a list
  return { value, name, parent, report: parent.report }
}

function refuse(judged: Judged, code: string, detail: string): void {
  judged.report({ pointer: createPointer(judged), code, detail })
}

// RFC 6901
function createPointer({ name, parent }: Judged): string {
  if (!parent) return ''
  return `${createPointer(parent)}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function isTruth(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
