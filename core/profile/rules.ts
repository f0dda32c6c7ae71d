import { findAttributeRule, mapLeaves, type ByLeaf, type LeafPath } from './attributes.ts'
import type { PublisherName } from './document.ts'

/**
 * The publisher rules as they are served and as the reference library reads them: groups are
 * nested, an update has one publisher or nobody.
 */
export type PublisherRules = {
  readonly version: number
  readonly create: ByLeaf<readonly PublisherName[]>
  readonly update: ByLeaf<PublisherName | null>
}

/** Who asks to publish which leaf. */
export type PublishRequest = { readonly path: LeafPath; readonly publisher: PublisherName }

/** The rules in force. */
export const publisherRules: PublisherRules = {
  version: 1,
  create: mapLeaves((rule) => rule.create),
  update: mapLeaves((rule) => rule.update[0] ?? null),
}

/** True when the publisher may set the leaf while it is null. */
export function mayCreate({ path, publisher }: PublishRequest): boolean {
  return findAttributeRule(path)?.create.includes(publisher) ?? false
}

/** True when the publisher may change the leaf once it is set. */
export function mayUpdate({ path, publisher }: PublishRequest): boolean {
  return findAttributeRule(path)?.update.includes(publisher) ?? false
}
