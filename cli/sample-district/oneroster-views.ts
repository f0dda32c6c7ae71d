import type { oneRosterNames } from '../../core/roster/oneroster.ts'
import type { RosterRecord, RosterUser } from '../../core/roster/record.ts'
import type { DistrictRecord } from '../../core/sample/district.ts'

type View = Readonly<Record<string, unknown>>
export type OneRosterVersion = '1.1' | '1.2'

// The organization above all schools.
const oneRosterDistrictId = 'd|sample/1'

/** A record as OneRoster writes it; a tombstone where it is gone. */
export function toOneRosterView(entry: DistrictRecord, version: OneRosterVersion): View {
  const { at, isGone, record } = entry
  const common = {
    sourcedId: record.id,
    status: isGone ? 'tobedeleted' : 'active',
    dateLastModified: at,
  }
  return Object.assign(common, toMembers(entry, version))
}

/** The district's own organization, which is no school. */
export function toDistrictView(at: string): View {
  return {
    sourcedId: oneRosterDistrictId,
    status: 'active',
    dateLastModified: at,
    name: 'Sample District',
    type: 'district',
  }
}

function toMembers(entry: RosterRecord, version: OneRosterVersion): View {
  switch (entry.collection) {
    case 'schools': {
      const { name, number } = entry.record
      const parent = toReference('orgs', oneRosterDistrictId, 'org')
      return { name, type: 'school', identifier: number, parent }
    }
    case 'terms': {
      const { name, beginDate, endDate } = entry.record
      return {
        title: name,
        type: 'semester',
        startDate: beginDate,
        endDate,
        schoolYear: name.slice(-4),
      }
    }
    case 'courses':
      return { title: entry.record.name, courseCode: entry.record.number, orgCode: '' }
    case 'sections': {
      const { name, schoolId, courseId, termIds, grades, subject, period } = entry.record
      return {
        title: name,
        classType: 'scheduled',
        course: toReference('courses', courseId ?? '', 'course'),
        school: toReference('orgs', schoolId, 'org'),
        terms: termIds.map((id) => toReference('academicSessions', id, 'academicSession')),
        grades,
        subjects: subject === undefined ? [] : [subject],
        periods: period === undefined ? [] : [period],
      }
    }
    case 'users':
      return toUser(entry.record, version)
    case 'enrollments': {
      const { userId, sectionId, role, beginDate, endDate } = entry.record
      return {
        user: toReference('users', userId, 'user'),
        class: toReference('classes', sectionId, 'class'),
        role,
        primary: version === '1.1' ? 'false' : false,
        beginDate,
        endDate,
      }
    }
    default:
      return entry satisfies never
  }
}

// Passwords, phones and guardians are there, made up, so that they can be seen to go nowhere.
function toUser(user: RosterUser, version: OneRosterVersion): View {
  return {
    username: user.districtUsername ?? '',
    userIds: [{ type: 'SIS', identifier: user.sisId ?? '' }],
    enabledUser: version === '1.1' ? String(user.isEnabled) : user.isEnabled,
    givenName: user.givenName,
    familyName: user.familyName,
    middleName: user.middleName ?? '',
    identifier: user.sisId ?? '',
    email: user.email ?? '',
    sms: '+1 202-555-0142',
    phone: '+1 202-555-0199',
    password: 'canary-password',
    agents: [toReference('users', 'canary-guardian', 'user')],
    grades: user.grades,
    ...(version === '1.1' ? toOldRole(user) : toRoles(user)),
  }
}

function toOldRole({ roles, schoolIds }: RosterUser): View {
  const orgs = schoolIds.map((id) => toReference('orgs', id, 'org'))
  // Only one can be said: that of a teacher, for one who has others too.
  return { role: roles.find((role) => role === 'teacher') ?? roles[0], orgs }
}

function toRoles({ roles, schoolIds }: RosterUser): View {
  const held = roles.flatMap((role) => schoolIds.map((id) => ({ role, id })))
  return {
    userMasterIdentifier: 'canary-master',
    roles: held.map(({ role, id }, index) => ({
      roleType: index === 0 ? 'primary' : 'secondary',
      role,
      org: toReference('orgs', id, 'org'),
    })),
  }
}

function toReference(
  collection: (typeof oneRosterNames)[keyof typeof oneRosterNames],
  sourcedId: string,
  type: string,
): View {
  // Nobody is to follow it.
  const href = `http://stand-in.invalid/${collection}/${encodeURIComponent(sourcedId)}`
  return { href, sourcedId, type }
}
