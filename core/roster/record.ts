/** What a source holds, in the order in which a full pull reads it. */
export const rosterCollections = [
  'schools',
  'terms',
  'courses',
  'sections',
  'users',
  'enrollments',
] as const
export type RosterCollection = (typeof rosterCollections)[number]

/** A calendar day, `YYYY-MM-DD`. */
export type RosterDate = string

export type RosterSchool = { readonly id: string; readonly name: string; readonly number?: string }

export type RosterTerm = {
  readonly id: string
  readonly name: string
  readonly beginDate?: RosterDate
  readonly endDate?: RosterDate
}

export type RosterCourse = { readonly id: string; readonly name: string; readonly number?: string }

export type RosterSection = {
  readonly id: string
  readonly name: string
  readonly schoolId: string
  readonly courseId?: string
  readonly termIds: readonly string[]
  readonly grades: readonly string[]
  readonly subject?: string
  readonly period?: string
}

export type RosterUser = {
  readonly id: string
  /** The source's own names, each once, sorted: `student`, `teacher`, `administrator`, … */
  readonly roles: readonly string[]
  readonly givenName: string
  readonly middleName?: string
  readonly familyName: string
  /** As the source writes it: it may be malformed, or another person's too. */
  readonly email?: string
  readonly districtUsername?: string
  readonly sisId?: string
  readonly number?: string
  /** Of staff, where the source says it. */
  readonly department?: string
  readonly grades: readonly string[]
  /** The main one first. */
  readonly schoolIds: readonly string[]
  /** False: no account, or one that is not active. */
  readonly isEnabled: boolean
}

export type RosterEnrollment = {
  /** The source's own; where it has none, of section, user and role. */
  readonly id: string
  readonly userId: string
  readonly sectionId: string
  /** `student`, `teacher`, or what else the source says. */
  readonly role: string
  /** Membership holds from `beginDate` and ends before the day after `endDate`. */
  readonly beginDate?: RosterDate
  readonly endDate?: RosterDate
}

/** One record of a source, reduced to what may be kept: no passwords, phones or guardians. */
export type RosterRecord =
  | { readonly collection: 'schools'; readonly record: RosterSchool }
  | { readonly collection: 'terms'; readonly record: RosterTerm }
  | { readonly collection: 'courses'; readonly record: RosterCourse }
  | { readonly collection: 'sections'; readonly record: RosterSection }
  | { readonly collection: 'users'; readonly record: RosterUser }
  | { readonly collection: 'enrollments'; readonly record: RosterEnrollment }

/** What a page says, in the order in which it holds: a later entry of the same record wins. */
export type RosterEntry =
  | ({ readonly op: 'put' } & RosterRecord)
  | { readonly op: 'remove'; readonly collection: RosterCollection; readonly id: string }
  /** The enrollments of a section are these and no others: the puts for them follow. */
  | { readonly op: 'clear-enrollments'; readonly sectionId: string }

/** A record of which nothing can be taken, `id` as the source writes it; it is quarantined. */
export type RosterFault = {
  readonly entity: RosterCollection
  readonly id: string
  readonly code: string
  /** For people, without the record's values. */
  readonly message: string
}
