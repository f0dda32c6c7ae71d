import type { RosterRecord } from '../roster/record.ts'
import type { DistrictOptions } from './district.ts'
import { createId } from './district-ids.ts'

type CatalogueRecord = Extract<RosterRecord, { readonly collection: 'terms' | 'courses' }>

/** What is taught. */
export const subjects = [
  'Algebra',
  'Biology',
  'Chemistry',
  'English',
  'French',
  'Geography',
  'History',
  'Music',
  'Physics',
  'Science',
  'Spanish',
  'Theatre',
] as const

/** The two terms of the school year that ends in `year`. */
export function createTerms(district: DistrictOptions, year: number): CatalogueRecord[] {
  const terms = [
    { name: `Fall ${year - 1}`, beginDate: `${year - 1}-08-15`, endDate: `${year - 1}-12-31` },
    { name: `Spring ${year}`, beginDate: `${year}-01-01`, endDate: `${year}-07-31` },
  ]
  return terms.map((term, number) => ({
    collection: 'terms',
    record: { id: createTermId(district, year, number), ...term },
  }))
}

/** The id of a year's first (0) or second (1) term. */
export function createTermId(district: DistrictOptions, year: number, number: number): string {
  return createId(district, 'terms', { school: 0, number: year * 10 + number })
}

/** One course a subject. */
export function createCourses(district: DistrictOptions): CatalogueRecord[] {
  return subjects.map((name, number) => ({
    collection: 'courses',
    record: { id: createCourseId(district, number), name, number: `C-${100 + number}` },
  }))
}

/** The id of the course in a subject. */
export function createCourseId(district: DistrictOptions, subject: number): string {
  return createId(district, 'courses', { school: 0, number: subject % subjects.length })
}
