import { attributeGroups, type LeafPath } from './attributes.ts'
import {
  classifications,
  displays,
  type Attribute,
  type AttributeGroup,
  type Classification,
  type Display,
  type Profile,
} from './document.ts'

/** What a reader may see: the scopes of a token or of a sink, and how far it asks to be narrowed. */
export type Reader = {
  readonly scopes: ReadonlySet<string>
  /** An audience of `displays`; any other text means `public`, undefined does not narrow. */
  readonly filterDisplay?: string | undefined
}

type Filter = {
  readonly classifications: ReadonlySet<Classification>
  readonly displays: ReadonlySet<Display | null>
}

const classificationScopes: Readonly<Record<Exclude<Classification, 'PUBLIC'>, string>> = {
  'MOZILLA CONFIDENTIAL': 'classification:mozilla_confidential',
  'WORKGROUP CONFIDENTIAL': 'classification:workgroup',
  'WORKGROUP CONFIDENTIAL: STAFF ONLY': 'classification:workgroup:staff_only',
  'INDIVIDUAL CONFIDENTIAL': 'classification:individual',
}
const EVERY_CLASSIFICATION = 'read:fullprofile'
const EVERY_DISPLAY = 'display:all'
const everyDisplay = [...displays, null] as const

/** All scopes that decide what of a profile is seen. */
export const readingScopes: readonly string[] = [
  EVERY_CLASSIFICATION,
  ...Object.values(classificationScopes),
  EVERY_DISPLAY,
  ...everyDisplay.map(nameDisplayScope),
]

/**
 * The profile with only those attributes whose classification and display the reader is granted;
 * `schema` and the three groups stay.
 */
export function filterProfile(profile: Profile, reader: Reader): Profile {
  const filter = createFilter(reader)
  const kept: Record<string, Profile[string]> = {}
  for (const [name, member] of Object.entries(profile)) {
    if (isGroup(name)) kept[name] = filterGroup(member as AttributeGroup, filter)
    else if (name === 'schema' || passes(member as Attribute, filter)) kept[name] = member
  }
  return kept as Profile // `schema` among them
}

/** The paths of the leaves that these scopes show of a profile, in the document's order. */
export function listReadablePaths(profile: Profile, scopes: ReadonlySet<string>): LeafPath[] {
  return Object.entries(filterProfile(profile, { scopes })).flatMap(([name, member]) => {
    if (name === 'schema') return []
    return isGroup(name) ? Object.keys(member).map((leaf) => `${name}.${leaf}`) : [name]
  })
}

/** True when these scopes reach attributes of this classification, whatever their display. */
export function coversClassification(
  classification: Classification,
  scopes: ReadonlySet<string>,
): boolean {
  if (classification === 'PUBLIC' || scopes.has(EVERY_CLASSIFICATION)) return true
  return scopes.has(classificationScopes[classification])
}

function createFilter({ scopes, filterDisplay }: Reader): Filter {
  const grants = (display: Display | null): boolean =>
    display === 'public' || scopes.has(EVERY_DISPLAY) || scopes.has(nameDisplayScope(display))
  const audience = filterDisplay === undefined ? everyDisplay : listAudience(filterDisplay)
  return {
    classifications: new Set(
      classifications.filter((known) => coversClassification(known, scopes)),
    ),
    displays: new Set(audience.filter(grants)),
  }
}

// Each audience has in it all that are wider; nobody's is in none.
function listAudience(filterDisplay: string): readonly Display[] {
  const index = displays.findIndex((display) => display === filterDisplay)
  return displays.slice(0, Math.max(index, 0) + 1)
}

function nameDisplayScope(display: Display | null): string {
  return `display:${display ?? 'none'}`
}

function filterGroup(group: AttributeGroup, filter: Filter): AttributeGroup {
  return Object.fromEntries(Object.entries(group).filter(([, leaf]) => passes(leaf, filter)))
}

function passes({ metadata }: Pick<Attribute, 'metadata'>, filter: Filter): boolean {
  return (
    filter.classifications.has(metadata.classification) && filter.displays.has(metadata.display)
  )
}

function isGroup(name: string): boolean {
  return (attributeGroups as readonly string[]).includes(name)
}
