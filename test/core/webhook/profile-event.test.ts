import { fc } from '../../support/properties.ts'
import { leafPaths } from '../../../core/profile/attributes.ts'
import { listReadablePaths, readingScopes } from '../../../core/profile/filter.ts'
import {
  composeProfileEvent,
  type Interest,
  type ProfileEvent,
  type PublishedChange,
} from '../../../core/webhook/profile-event.ts'
import { createTestProfile } from '../../support/profiles.ts'

const EVERYTHING = new Set(['read:fullprofile', 'display:all'])
const document = createTestProfile({ userId: 'ad|Mozilla-LDAP|someone' })
const person = { userId: 'ad|Mozilla-LDAP|someone', document, isDeleted: false }
const deleted = { ...person, isDeleted: true }
const all: Interest = { events: ['profile.*'], scopes: EVERYTHING }

function change(
  serial: number,
  condition: PublishedChange['condition'],
  ...changed: string[]
): PublishedChange {
  return { serial, condition, changed, committedAt: new Date(serial * 1000 + 999) }
}

test('an event names what has changed, who it was, when, and never a value', () => {
  const changes = [change(7, 'update', 'last_name', 'first_name')]
  expect(composeProfileEvent({ changes, person }, all)).toEqual({
    operation: 'update',
    id: 'ad|Mozilla-LDAP|someone',
    time: 7,
    serial: 7,
    changed: ['first_name', 'last_name'],
  })
})

test('an event names only what the scopes show', () => {
  const changes = [change(7, 'update', 'uuid', 'description', 'staff_information.cost_center')]
  const compose = (...scopes: string[]): unknown =>
    composeProfileEvent({ changes, person }, { ...all, scopes: new Set(scopes) })?.changed
  expect(compose()).toEqual(['uuid'])
  expect(compose('classification:workgroup', 'display:none')).toEqual(['description', 'uuid'])
  expect(compose('classification:workgroup:staff_only', 'display:staff')).toEqual([
    'staff_information.cost_center',
    'uuid',
  ])
})

test('a change that touches nothing the endpoint may see sends nothing', () => {
  const changes = [change(7, 'update', 'description')]
  expect(composeProfileEvent({ changes, person }, { ...all, scopes: new Set() })).toBeUndefined()
})

test('an endpoint hears of the attributes that it named, groups of them too', () => {
  const changes = [change(7, 'update', 'description', 'staff_information.title', 'timezone')]
  const compose = (...attributes: string[]): unknown =>
    composeProfileEvent({ changes, person }, { ...all, attributes })?.changed
  expect(compose('description')).toEqual(['description'])
  expect(compose('staff_information')).toEqual(['staff_information.title'])
  expect(compose('staff_information.title', 'timezone')).toEqual([
    'staff_information.title',
    'timezone',
  ])
  expect(compose('tags')).toBeUndefined()
})

test('an endpoint hears of the operations that it named', () => {
  const updates = { ...all, events: ['profile.update'] }
  const created = change(1, 'create', 'first_name')
  const updated = change(2, 'update', 'last_name')
  expect(composeProfileEvent({ changes: [created], person }, updates)).toBeUndefined()
  expect(composeProfileEvent({ changes: [created, updated], person }, updates)).toMatchObject({
    operation: 'update',
    serial: 2,
    changed: ['last_name'],
  })
  expect(
    composeProfileEvent({ changes: [updated, change(3, 'delete', '*')], person: deleted }, updates),
  ).toBeUndefined()
})

test.each([
  ['create, update', ['create', 'update'], 'create'],
  ['update, update', ['update', 'update'], 'update'],
  ['update, delete', ['update', 'delete'], 'delete'],
  ['delete, create', ['delete', 'create'], 'create'],
  ['create, delete, create, update', ['create', 'delete', 'create', 'update'], 'create'],
] as const)('several changes are told as one: %s', (_, conditions, operation) => {
  const changes = conditions.map((condition, index) =>
    change(index + 1, condition, condition === 'delete' ? '*' : 'first_name'),
  )
  const at = conditions.at(-1) === 'delete' ? deleted : person
  const event = composeProfileEvent({ changes, person: at }, all)
  expect(event).toMatchObject({ operation, serial: conditions.length })
})

test('a new person is told to whoever sees no more than what the service has set', () => {
  const changes = [change(1, 'create', 'description')]
  const nobody = { ...all, scopes: new Set<string>() }
  expect(composeProfileEvent({ changes, person }, nobody)).toMatchObject({
    operation: 'create',
    changed: ['primary_username', 'uuid'],
  })
  const updated = [change(2, 'update', 'description')]
  expect(composeProfileEvent({ changes: updated, person }, nobody)).toBeUndefined()
})

test('a deletion is told to whoever wants deletions, and names nothing', () => {
  const changes = [change(9, 'delete', '*')]
  const interest = { ...all, scopes: new Set<string>(), attributes: ['tags'] }
  expect(composeProfileEvent({ changes, person: deleted }, interest)).toMatchObject({
    operation: 'delete',
    changed: [],
  })
})

test('what waits is contained in the new event', () => {
  const waiting: ProfileEvent = {
    operation: 'create',
    id: person.userId,
    time: 1,
    serial: 1,
    changed: ['first_name'],
  }
  const changes = [change(2, 'update', 'last_name')]
  expect(composeProfileEvent({ changes, person, waiting }, all)).toMatchObject({
    operation: 'create',
    serial: 2,
    changed: ['first_name', 'last_name'],
  })
  const invisible = { ...all, attributes: ['tags'] }
  expect(composeProfileEvent({ changes, person, waiting }, invisible)).toBeUndefined()
})

const path = fc.constantFrom(...leafPaths)
const updates = fc
  .array(fc.uniqueArray(path, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 })
  .map((lists) => lists.map((changed, index) => change(index + 1, 'update', ...changed)))

test('an event never names an attribute that the scopes do not show', () => {
  fc.assert(
    fc.property(updates, fc.subarray([...readingScopes]), (changes, granted) => {
      const scopes = new Set(granted)
      const event = composeProfileEvent({ changes, person }, { ...all, scopes })
      const readable = listReadablePaths(document, scopes)
      expect(event?.changed.filter((name) => !readable.includes(name)) ?? []).toEqual([])
    }),
  )
})

test('however changes are grouped while nothing arrives, the last event names all of them', () => {
  fc.assert(
    fc.property(
      updates,
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      (changes, cuts) => {
        const groups = changes.reduce<PublishedChange[][]>(
          (made, one, index) =>
            cuts[index] === true || made.length === 0
              ? [...made, [one]]
              : [...made.slice(0, -1), [...(made.at(-1) ?? []), one]],
          [],
        )
        let waiting: ProfileEvent | undefined
        for (const group of groups) {
          waiting = composeProfileEvent({ changes: group, person, waiting }, all)
        }
        const names = new Set(changes.flatMap(({ changed }) => changed))
        expect(waiting?.changed).toEqual([...names].toSorted())
        expect(waiting?.serial).toBe(changes.length)
      },
    ),
  )
})
