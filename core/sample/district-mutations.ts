import type { RosterUser } from '../roster/record.ts'
import { applyChanges, type District, type DistrictChange } from './district.ts'
import { createDrawing, type Drawing } from './district-drawing.ts'
import { countUsers, createSchoolId, createUser } from './district-school.ts'
import { createId } from './district-ids.ts'
import { rollOver } from './district-roll-over.ts'
import { createRandom } from './random.ts'
import { familyNames } from './vocabulary.ts'

/** What happens in a district between two nights. */
export const mutationKinds = [
  'join',
  'leave',
  'return',
  'rename',
  'change-email',
  'move',
  'new-id',
  'merge',
  'change-class',
  'close-section',
  'rename-section',
  'rename-school',
  're-key',
  'roll-over',
] as const
export type MutationKind = (typeof mutationKinds)[number]

export type Mutation = {
  readonly kind: MutationKind
  /** Whom it happens to: equal seeds draw the same. */
  readonly seed: number
  readonly at: string
  /** In which school; one that is drawn unless said. */
  readonly school?: number
}

export type Mutated = {
  readonly district: District
  /** What follows from it, in order; nothing where there is nobody to whom it could happen. */
  readonly changes: readonly DistrictChange[]
}

/** The district after a mutation, and the changes that a school system would tell of. */
export function mutateDistrict(district: District, mutation: Mutation): Mutated {
  const changes = draw(district, mutation)
  return { district: applyChanges(district, changes), changes }
}

/** `count` mutations one after the other, of all kinds but those of whole schools, a second apart. */
export function drawMutations(
  seed: number,
  { count, at }: { readonly count: number; readonly at: string },
): Mutation[] {
  const random = createRandom('mutations', seed)
  const kinds = mutationKinds.filter((kind) => kind !== 're-key' && kind !== 'roll-over')
  return Array.from({ length: count }, (_, index) => ({
    kind: kinds[random.int(kinds.length)] ?? 'join',
    seed: seed * 1_000 + index,
    at: new Date(Date.parse(at) + index * 1_000).toISOString(),
  }))
}

function draw(district: District, mutation: Mutation): DistrictChange[] {
  const drawing = createDrawing(district, mutation)
  switch (mutation.kind) {
    case 'join':
      return join(drawing)
    case 'leave':
      return withStudent(drawing, (student) => drawing.removeUser(student))
    case 'return':
      return comeBack(drawing)
    case 'rename':
      return withStudent(drawing, (student) => {
        const familyName = drawing.random.pick(familyNames)
        return [drawing.user('updated', { ...student, familyName })]
      })
    case 'change-email':
      return withStudent(drawing, (student) => {
        const email = `changed${drawing.random.int(1e6)}@district.example`
        return [drawing.user('updated', { ...student, email })]
      })
    case 'move':
      return move(drawing)
    case 'new-id':
      return withStudent(drawing, (student) => giveNewIds(drawing, [student]))
    case 'merge':
      return merge(drawing)
    case 'change-class':
      return changeClass(drawing)
    case 'close-section':
      return [drawing.pickSection() ?? []].flat().flatMap(drawing.removeSection)
    case 'rename-section':
      return [drawing.pickSection() ?? []].flat().map(rename).map(drawing.updateSection)
    case 'rename-school':
      return [drawing.findSchool() ?? []].flat().map(rename).map(drawing.updateSchool)
    case 're-key':
      return giveNewIds(drawing, drawing.users)
    case 'roll-over':
      return rollOver(district, mutation.at)
    default:
      return mutation.kind satisfies never
  }
}

function rename<T extends { readonly name: string }>(record: T): T {
  return { ...record, name: `${record.name} (renamed)` }
}

function withStudent(
  drawing: Drawing,
  change: (student: RosterUser) => DistrictChange[],
): DistrictChange[] {
  const student = drawing.pickStudent()
  return student ? change(student) : []
}

function join(drawing: Drawing): DistrictChange[] {
  const { district, school } = drawing
  const user = createUser(district, { school, number: nextNumber(drawing), post: 'student' })
  return [drawing.user('created', user), ...drawing.enroll(user, school)]
}

function comeBack(drawing: Drawing): DistrictChange[] {
  const present = new Set(drawing.users.map(({ id }) => id))
  const gone = drawing.district.changes.flatMap((change) =>
    change.collection === 'users' && change.school === drawing.school && change.type === 'deleted'
      ? [change.record]
      : [],
  )
  const user = gone.findLast(({ id }) => !present.has(id))
  return user ? [drawing.user('created', user), ...drawing.enroll(user, drawing.school)] : []
}

function move(drawing: Drawing): DistrictChange[] {
  return withStudent(drawing, (student) => {
    const to = drawing.pickOtherSchool()
    const moved = { ...student, schoolIds: [createSchoolId(drawing.district, to)] }
    return [
      ...drawing.removeEnrollments(student),
      drawing.user('updated', moved),
      ...drawing.enroll(moved, to),
    ]
  })
}

function giveNewIds(drawing: Drawing, users: readonly RosterUser[]): DistrictChange[] {
  const first = nextNumber(drawing)
  return users.flatMap((user, index) => {
    const number = first + index
    const id = createId(drawing.district, 'users', { school: drawing.school, number })
    const held = drawing.listEnrollments(user)
    return [
      ...drawing.removeUser(user),
      drawing.user('created', { ...user, id }),
      ...held.map(({ school, record }) => drawing.transfer(school, record, id)),
    ]
  })
}

function merge(drawing: Drawing): DistrictChange[] {
  const [into, student] = drawing.pickTwoStudents()
  if (!into || !student) return []
  const sections = new Set(drawing.listEnrollments(into).map(({ record }) => record.sectionId))
  const taken = drawing
    .listEnrollments(student)
    .filter(({ record }) => !sections.has(record.sectionId))
  return [
    ...drawing.removeUser(student),
    ...taken.map(({ school, record }) => drawing.transfer(school, record, into.id)),
  ]
}

function changeClass(drawing: Drawing): DistrictChange[] {
  return withStudent(drawing, (student) => {
    const held = drawing.listEnrollments(student)
    const left = held[drawing.random.int(held.length)]
    if (!left) return []
    const into = drawing.pickOtherSection(
      left.school,
      new Set(held.map(({ record }) => record.sectionId)),
    )
    return [
      drawing.removeEnrollment(left),
      ...(into === undefined
        ? []
        : [drawing.createEnrollment(left.school, { ...left.record, sectionId: into })]),
    ]
  })
}

function nextNumber({ district, school }: Drawing): number {
  const created = district.changes.filter(
    (change) =>
      change.collection === 'users' && change.school === school && change.type === 'created',
  )
  return countUsers(district, school) + created.length
}
