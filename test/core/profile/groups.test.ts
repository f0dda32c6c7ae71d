import { filterProfile } from '../../../core/profile/filter.ts'
import { listGroups } from '../../../core/profile/groups.ts'
import { createNullProfile } from '../../../core/profile/null-profile.ts'
import { createTestProfile } from '../../support/profiles.ts'

const person = createTestProfile({
  contents: {
    'access_information.ldap': { vpn: null, releases: 'Who may release' },
    'access_information.mozilliansorg': { chess: 'A group with a description' },
    'access_information.hris': { is_staff: null, employee_id: '12345' },
    'access_information.access_provider': { aal2: null },
  },
})

test('listGroups() names groups of LDAP as they are and others after their publisher', () => {
  expect(listGroups(person)).toEqual([
    'access_provider_aal2',
    'hris_is_staff',
    'mozilliansorg_chess',
    'releases',
    'vpn',
  ])
})

test('listGroups() names none that the reader may not see, and none of nobody', () => {
  const shown = filterProfile(person, { scopes: new Set(['display:none']) })
  expect(listGroups(shown)).toEqual(['mozilliansorg_chess', 'releases', 'vpn'])
  expect(listGroups(createNullProfile())).toEqual([])
})
