import { fc } from '../../support/properties.ts'
import { attributeRules, leafPaths, type LeafPath } from '../../../core/profile/attributes.ts'
import {
  classifications,
  displays,
  findAttribute,
  type Classification,
  type Display,
  type Profile,
} from '../../../core/profile/document.ts'
import {
  coversClassification,
  filterProfile,
  listReadablePaths,
  readingScopes,
  type Reader,
} from '../../../core/profile/filter.ts'
import { createNullProfile } from '../../../core/profile/null-profile.ts'
import { createTestProfile } from '../../support/profiles.ts'

const everything = new Set(['read:fullprofile', 'display:all'])

const scopesByClassification: Readonly<Record<Classification, readonly string[]>> = {
  PUBLIC: [],
  'MOZILLA CONFIDENTIAL': ['classification:mozilla_confidential'],
  'WORKGROUP CONFIDENTIAL': ['classification:workgroup'],
  'WORKGROUP CONFIDENTIAL: STAFF ONLY': ['classification:workgroup:staff_only'],
  'INDIVIDUAL CONFIDENTIAL': ['classification:individual'],
}

test.each([
  ['', 2],
  ['display:none', 14],
  ['display:all', 14],
  ['read:fullprofile', 2],
  ['read:fullprofile display:all', 53],
])(
  'filterProfile() with the scopes "%s" keeps %i attributes of the null profile',
  (scope, count) => {
    expect(listReadablePaths(createNullProfile(), scopesOf(scope))).toHaveLength(count)
  },
)

test('filterProfile() keeps schema and the three groups even when they are empty', () => {
  const filtered = filterProfile(createNullProfile(), { scopes: new Set(), filterDisplay: 'x' })
  const { schema, uuid, primary_username: name, ...groups } = filtered
  expect([schema, uuid, name].every(Boolean)).toBe(true)
  expect(groups).toEqual({ identities: {}, access_information: {}, staff_information: {} })
})

// Who sees an attribute, by the words of the contract and not by the code under test.
const narrowings = [undefined, ...displays, 'everybody', ''] as const
const displayScopes = [
  '',
  ...displays.map((name) => `display:${name}`),
  'display:none',
  'display:all',
]

describe.each(classifications)('filterProfile() of an attribute that is %s', (classification) => {
  const grants = ['', 'read:fullprofile', ...Object.values(scopesByClassification).flat()]
  test.each(grants)('shows it with "%s" to every audience it should and no other', (grant) => {
    const isCovered =
      classification === 'PUBLIC' ||
      grant === 'read:fullprofile' ||
      scopesByClassification[classification].includes(grant)
    for (const display of [...displays, null]) {
      const profile = profileWith({ classification, display })
      for (const displayScope of displayScopes) {
        const isShown = isDisplayGranted(display, displayScope)
        for (const filterDisplay of narrowings) {
          const reader = { scopes: scopesOf(`${grant} ${displayScope}`), filterDisplay }
          const expected = isCovered && isShown && isWithin(display, filterDisplay)
          expect(findAttribute(filterProfile(profile, reader), 'description') !== undefined).toBe(
            expected,
          )
        }
      }
    }
  })
})

test('filterProfile() shows nothing that its scopes do not grant, and changes nothing it shows', () => {
  fc.assert(
    fc.property(anyProfile, anyReader, (profile, reader) => {
      const filtered = filterProfile(profile, reader)
      for (const path of leafPaths) {
        const shown = findAttribute(filtered, path)
        if (!shown) continue
        expect(shown).toBe(findAttribute(profile, path))
        expect(coversClassification(shown.metadata.classification, reader.scopes)).toBe(true)
      }
    }),
  )
})

test('filterProfile() shows with more scopes no less', () => {
  fc.assert(
    fc.property(
      anyProfile,
      anyReader,
      fc.constantFrom(...readingScopes),
      (profile, reader, scope) => {
        const more = { ...reader, scopes: new Set([...reader.scopes, scope]) }
        const paths = pathsOf(filterProfile(profile, more))
        expect(paths).toEqual(expect.arrayContaining(pathsOf(filterProfile(profile, reader))))
      },
    ),
  )
})

test('filterProfile() narrowed shows no more than before, and less the narrower it is', () => {
  fc.assert(
    fc.property(anyProfile, anyReader, (profile, { scopes }) => {
      let wider = pathsOf(filterProfile(profile, { scopes }))
      for (const filterDisplay of displays.toReversed()) {
        const narrower = pathsOf(filterProfile(profile, { scopes, filterDisplay }))
        expect(wider).toEqual(expect.arrayContaining(narrower))
        wider = narrower
      }
      const unknown = pathsOf(filterProfile(profile, { scopes, filterDisplay: 'nobody' }))
      expect(unknown).toEqual(pathsOf(filterProfile(profile, { scopes, filterDisplay: 'public' })))
    }),
  )
})

test('listReadablePaths() names the leaves that filterProfile() keeps', () => {
  fc.assert(
    fc.property(anyProfile, anyReader, (profile, { scopes }) => {
      expect(listReadablePaths(profile, scopes)).toEqual(
        pathsOf(filterProfile(profile, { scopes })),
      )
    }),
  )
  expect(listReadablePaths(createTestProfile(), everything)).toEqual(leafPaths)
})

const anyProfile: fc.Arbitrary<Profile> = fc
  .array(fc.constantFrom(...leafPaths), { maxLength: 20 })
  .chain((paths) => fc.tuple(fc.constant(paths), fc.array(fc.nat(5), { minLength: 20 })))
  .map(([paths, choices]) => {
    const metadata = paths.map((path, index) => [
      path,
      { display: attributeRules[path]?.displays.at((choices[index] ?? 0) % 7) ?? null },
    ])
    const contents = Object.fromEntries(paths.map((path) => [path, null]))
    return createTestProfile({ contents, metadata: Object.fromEntries(metadata) })
  })

const anyReader: fc.Arbitrary<Reader> = fc.record({
  scopes: fc.subarray([...readingScopes, 'write', 'search:all']).map((scopes) => new Set(scopes)),
  filterDisplay: fc.constantFrom(...narrowings),
})

function profileWith(metadata: {
  classification: Classification
  display: Display | null
}): Profile {
  return createTestProfile({ metadata: { description: metadata } })
}

function isDisplayGranted(display: Display | null, scope: string): boolean {
  if (scope === 'display:all' || display === 'public') return true
  return scope === `display:${display ?? 'none'}`
}

function isWithin(display: Display | null, filterDisplay: string | undefined): boolean {
  if (filterDisplay === undefined) return true
  const cumulative: readonly (string | null)[] = displays
  const limit = Math.max(cumulative.indexOf(filterDisplay), 0)
  const place = cumulative.indexOf(display)
  return display !== null && place <= limit
}

function pathsOf(profile: Profile): LeafPath[] {
  return leafPaths.filter((path) => findAttribute(profile, path) !== undefined)
}

function scopesOf(scope: string): ReadonlySet<string> {
  return new Set(scope.split(' ').filter((name) => name !== ''))
}
