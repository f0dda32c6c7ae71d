import { findAttributeRule, leafPaths, type LeafPath } from './attributes.ts'
import {
  contentOf,
  findAttribute,
  type Display,
  type Profile,
  type PublisherName,
} from './document.ts'
import { mayCreate, mayUpdate } from './rules.ts'

/** The newest change that touched a leaf. */
export type AttributeTouch = {
  readonly path: LeafPath
  readonly serial: number
  readonly publisher: PublisherName
  readonly at: Date
  /** How many changes have touched it since the person came, this one included. */
  readonly times: number
}

/**
 * By which rule an attribute got its content. `create`: it was null and the publisher may set it;
 * `update`: the publisher may change it; `audience`: the person chose another audience; `state`:
 * a source may say alone whether somebody is active; `server`: nobody but the service writes it.
 */
export type WinningRule = 'create' | 'update' | 'audience' | 'state' | 'server'

export type AttributeExplanation = {
  readonly name: LeafPath
  readonly publisher: PublisherName
  readonly signedBy: PublisherName
  readonly rule: WinningRule
  /** Who may change it from here on. */
  readonly mayChange: readonly PublisherName[]
  readonly display: Display | null
  readonly verified: boolean
  /** Null where no change is known. */
  readonly serial: number | null
  readonly since: string
}

/** Says for each attribute that holds something who won it by which rule, in the document's order. */
export function explainAttributes(
  visible: Profile,
  touches: readonly AttributeTouch[],
): AttributeExplanation[] {
  const touchOf = new Map(touches.map((touch) => [touch.path, touch]))
  return leafPaths.flatMap((path) => {
    const attribute = findAttribute(visible, path)
    if (!attribute || contentOf(attribute) === null) return []
    const touch = touchOf.get(path)
    const signedBy = attribute.signature.publisher.name
    const { display, verified, last_modified: modified } = attribute.metadata
    return [
      {
        name: path,
        publisher: touch?.publisher ?? signedBy,
        signedBy,
        rule: touch ? findRule(touch, signedBy) : 'server',
        mayChange: listChangers(path),
        display,
        verified,
        serial: touch?.serial ?? null,
        since: touch?.at.toISOString() ?? modified,
      },
    ]
  })
}

// Sources that know of joiners and leavers may say so at any time.
function listChangers(path: LeafPath): readonly PublisherName[] {
  const rule = findAttributeRule(path)
  return (path === 'active' ? rule?.create : rule?.update) ?? []
}

function findRule(touch: AttributeTouch, signedBy: PublisherName): WinningRule {
  const { path, publisher, times } = touch
  if (path !== 'active' && signedBy === 'cis') return 'server'
  if (times === 1 && mayCreate({ path, publisher })) return 'create'
  if (mayUpdate({ path, publisher })) return 'update'
  return path === 'active' ? 'state' : 'audience'
}
