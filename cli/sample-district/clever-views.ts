import type {
  RosterEnrollment,
  RosterRecord,
  RosterSection,
  RosterUser,
} from '../../core/roster/record.ts'
import type { DistrictRecord } from '../../core/sample/district.ts'

type View = Readonly<Record<string, unknown>>

/** The district as such: one, whose token it is. */
export const cleverDistrictId = '4fd43cc56d11340000000005'

/** A record as Clever's API writes it, a section with its members. */
export function toCleverView(
  { at, ...entry }: Pick<DistrictRecord, 'at'> & RosterRecord,
  members: readonly RosterEnrollment[] = [],
): View {
  const { id } = entry.record
  const common = { id, district: cleverDistrictId, created: at, last_modified: at }
  switch (entry.collection) {
    case 'schools':
      return { ...common, name: entry.record.name, school_number: entry.record.number }
    case 'terms':
      return {
        ...common,
        name: entry.record.name,
        start_date: entry.record.beginDate,
        end_date: entry.record.endDate,
      }
    case 'courses':
      return { ...common, name: entry.record.name, number: entry.record.number }
    case 'sections':
      return { ...common, ...toSection(entry.record, members) }
    case 'users':
      return { ...common, ...toUser(entry.record) }
    case 'enrollments':
      return common
    default:
      return entry satisfies never
  }
}

function toSection(section: RosterSection, members: readonly RosterEnrollment[]): View {
  const teachers = listMembers(members, 'teacher')
  return {
    name: section.name,
    sis_id: section.id.slice(-8),
    school: section.schoolId,
    course: section.courseId,
    term_id: section.termIds[0],
    grade: section.grades[0],
    subject: section.subject?.toLowerCase(),
    period: section.period,
    teacher: teachers[0],
    teachers,
    students: listMembers(members, 'student'),
  }
}

function listMembers(members: readonly RosterEnrollment[], role: string): string[] {
  return members.filter((member) => member.role === role).map(({ userId }) => userId)
}

function toUser(user: RosterUser): View {
  return {
    email: user.email ?? null,
    name: { first: user.givenName, middle: user.middleName ?? '', last: user.familyName },
    roles: Object.fromEntries(user.roles.map((role) => [role, toRole(user, role)])),
  }
}

// What a district shares beyond what is needed is there, made up, so that it can be seen to go nowhere.
function toRole(user: RosterUser, role: string): View {
  const common = {
    school: user.schoolIds[0],
    schools: user.schoolIds,
    sis_id: user.sisId,
    credentials: {
      district_username: user.districtUsername ?? '',
      district_password: 'canary-password',
    },
  }
  if (role === 'student') {
    return {
      ...common,
      grade: user.grades[0],
      student_number: user.number,
      dob: '1/31/2012',
      location: { address: 'canary-address', zip: '00000' },
      ext: { guardian_name: 'canary-guardian', guardian_phone: '+1 202-555-0142' },
      enrollments: [{ school: user.schoolIds[0], start_date: '2020-08-15' }],
    }
  }
  if (role === 'contact') {
    return {
      phone: '+1 202-555-0199',
      phone_type: 'Cell',
      student_relationships: [{ student: 'canary-student', relationship: 'canary-relation' }],
    }
  }
  const number = role === 'teacher' ? 'teacher_number' : 'staff_id'
  return { ...common, [number]: user.number }
}
