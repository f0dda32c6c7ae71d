import type { RosterEntry, RosterUser } from '../core/roster/record.ts'
import { rosterCollections } from '../core/roster/record.ts'
import type { RosterPage, RosterPageRequest, RosterSource } from '../core/roster/source.ts'
import type { ScimTarget } from '../core/roster/target.ts'

export type DistrictSize = {
  readonly users: number
  /** Of each student. */
  readonly enrollments: number
}

const PAGE_SIZE = 10_000
const PEOPLE_PER_SCHOOL = 1_000
const PEOPLE_PER_SECTION = 25

/** A source that answers at once with made-up people, of whom every `changedEvery`-th has another name. */
export class BenchSource implements RosterSource {
  readonly #size: DistrictSize
  changedEvery = 0

  constructor(size: DistrictSize) {
    this.#size = size
  }

  listStreams(): readonly string[] {
    return rosterCollections
  }

  async readBaseline(): Promise<string> {
    return await Promise.resolve('now')
  }

  async readPage({ stream, cursor }: RosterPageRequest): Promise<RosterPage> {
    const start = Number(cursor ?? 0)
    const count = this.#countOf(stream)
    const end = Math.min(count, start + PAGE_SIZE)
    const entries = Array.from({ length: Math.max(end - start, 0) }, (_, index) =>
      this.#createEntry(stream, start + index),
    )
    const page = { entries, faults: [], warnings: 0 }
    return await Promise.resolve({ ...page, next: end < count ? String(end) : undefined })
  }

  async check(): Promise<void> {
    await Promise.resolve()
  }

  close(): void {}

  #countOf(stream: string): number {
    const { users, enrollments } = this.#size
    if (stream === 'users') return users
    if (stream === 'enrollments') return users * enrollments
    if (stream === 'schools') return Math.ceil(users / PEOPLE_PER_SCHOOL)
    return stream === 'sections' ? this.#countSections() : 0
  }

  #countSections(): number {
    return Math.ceil((this.#size.users * this.#size.enrollments) / PEOPLE_PER_SECTION)
  }

  #createEntry(stream: string, index: number): RosterEntry {
    if (stream === 'users') {
      return { op: 'put', collection: 'users', record: this.#createUser(index) }
    }
    if (stream === 'schools') {
      const record = { id: `school-${index}`, name: `School ${index}` }
      return { op: 'put', collection: 'schools', record }
    }
    if (stream === 'sections') {
      const schoolId = `school-${index % this.#countOf('schools')}`
      const name = `Section ${index}`
      const record = { id: `section-${index}`, name, schoolId, termIds: [], grades: [] }
      return { op: 'put', collection: 'sections', record }
    }
    const { users } = this.#size
    const user = index % users
    // Whoever has changed has changed one class too.
    const shift = this.#isChanged(user) && index < users ? 1 : 0
    const section = (index + shift) % this.#countSections()
    const ends = { userId: `user-${user}`, sectionId: `section-${section}` }
    const record = { id: `enrollment-${index}`, role: 'student', ...ends }
    return { op: 'put', collection: 'enrollments', record }
  }

  #createUser(index: number): RosterUser {
    return {
      id: `user-${index}`,
      roles: ['student'],
      givenName: `Given${index % 977}`,
      familyName: `Family${index % 7919}${this.#isChanged(index) ? ' Changed' : ''}`,
      email: `user${index}@district.example`,
      sisId: String(100_000 + index),
      number: String(index),
      grades: [String(index % 13).padStart(2, '0')],
      schoolIds: [`school-${Math.floor(index / PEOPLE_PER_SCHOOL)}`],
      isEnabled: true,
    }
  }

  #isChanged(user: number): boolean {
    return this.changedEvery > 0 && user % this.changedEvery === 0
  }
}

/** A target that takes everything at once, and counts it. */
export class BenchTarget implements ScimTarget {
  writes = 0

  async writePeople(
    ...[orders, { onVerdicts }]: Parameters<ScimTarget['writePeople']>
  ): Promise<void> {
    this.writes += orders.length
    await onVerdicts(
      orders.map(({ id }) => ({ id, outcome: 'done', scimId: `p-${id}`, attempts: 1 })),
    )
  }

  async writeGroups(
    ...[orders, { onVerdicts }]: Parameters<ScimTarget['writeGroups']>
  ): Promise<void> {
    this.writes += orders.length
    await onVerdicts(
      orders.map(({ id }) => ({ id, outcome: 'done', scimId: `g-${id}`, attempts: 1 })),
    )
  }

  async writeMembers(
    ...[orders, { onVerdicts }]: Parameters<ScimTarget['writeMembers']>
  ): Promise<void> {
    this.writes += orders.length
    await onVerdicts(
      orders.map(({ id, scimId }) => ({ id, outcome: 'done', scimId, attempts: 1, refused: [] })),
    )
  }

  async listGroups(): ReturnType<ScimTarget['listGroups']> {
    return await Promise.resolve({ groups: [], total: 0 })
  }

  async readGroup(): Promise<undefined> {
    await Promise.resolve()
  }

  async listPeople(): ReturnType<ScimTarget['listPeople']> {
    return await Promise.resolve({ people: [], total: 0 })
  }

  async check(): Promise<void> {
    await Promise.resolve()
  }

  close(): void {}
}
