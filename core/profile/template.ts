import type { LeafPath } from './attributes.ts'
import { attributeRules } from './attributes.ts'
import { findAttribute, type Profile } from './document.ts'

const PLACEHOLDER = /\{([a-z0-9_.]+)\}/g
const WHOLE_PLACEHOLDER = /^\{([a-z0-9_.]+)\}$/

/** The paths that a template names and that no profile has. */
export function listUnknownPaths(template: string): LeafPath[] {
  return [...template.matchAll(PLACEHOLDER)]
    .map(([, path = '']) => path)
    .filter((path) => !Object.hasOwn(attributeRules, path))
}

/** The template with every `{path}` exchanged for the attribute's text, escaped; what is not set is empty. */
export function fillTemplate(
  template: string,
  profile: Profile,
  escape: (text: string) => string = (text) => text,
): string {
  return template.replaceAll(PLACEHOLDER, (_, path: LeafPath) => escape(textOf(profile, path)))
}

/**
 * The values of a template: one text, trimmed, or none when it is empty. A template of one
 * placeholder of many values (keys, groups) has each of them.
 */
export function listTemplateValues(template: string, profile: Profile): string[] {
  const [, path] = WHOLE_PLACEHOLDER.exec(template) ?? []
  const values = path === undefined ? undefined : findAttribute(profile, path)?.values
  if (path !== undefined && values) return [...new Set(listValues(path, values))].toSorted()
  const text = fillTemplate(template, profile).replaceAll(/\s+/g, ' ').trim()
  return text === '' ? [] : [text]
}

function listValues(path: LeafPath, values: object): string[] {
  if (Array.isArray(values)) return values.map(String)
  // Of groups the name counts, of everything else what it holds.
  const isAccess = attributeRules[path]?.kind === 'access'
  const entries = Object.entries(values)
  return isAccess
    ? entries.map(([name]) => name)
    : entries.flatMap(([, value]) => (typeof value === 'string' && value !== '' ? [value] : []))
}

function textOf(profile: Profile, path: LeafPath): string {
  const value = findAttribute(profile, path)?.value
  return value === undefined || value === null ? '' : String(value)
}
