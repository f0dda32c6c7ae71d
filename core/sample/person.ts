import type { LeafPath } from '../profile/attributes.ts'
import type { AttributeContent } from '../profile/null-profile.ts'
import { createRandom } from './random.ts'
import { familyNames, givenNames } from './vocabulary.ts'

const groups = ['vpn', 'releases', 'accounting', 'library', 'translators'] as const
const titles = ['Engineer', 'Senior Engineer', 'Accountant', 'Librarian'] as const
const teams = ['Records', 'Payroll & Benefits', 'Reading Room'] as const
const offices = ['Berlin', 'Toronto', 'Remote'] as const
const BORN = '2020-01-01T00:00:00.000Z'

/** By attribute; the user id is among it. */
export type PersonContents = Readonly<Record<LeafPath, AttributeContent>> & {
  readonly user_id: string
}

/**
 * What is known of the made-up staff member `index`, by attribute; equal numbers are equal persons.
 * The ids that the server gives are not among it.
 */
export function createPersonContents(index: number): PersonContents {
  const random = createRandom('profile', index)
  const uid = `person${index}`
  const email = `${uid}@example.com`
  return {
    user_id: `ad|Mozilla-LDAP|${uid}`,
    login_method: 'Mozilla-LDAP',
    active: true,
    last_modified: BORN,
    created: BORN,
    first_name: random.pick(givenNames),
    last_name: random.pick(familyNames),
    primary_email: email,
    description: `Made up, number ${index}`,
    ssh_public_keys: { key1: `ssh-ed25519 AAAAC3Nza${index}` },
    'identities.mozilla_ldap_id': `mail=${email},o=com,dc=example`,
    'identities.mozilla_ldap_primary_email': email,
    'access_information.ldap': { everyone: null, [random.pick(groups)]: null },
    'access_information.mozilliansorg': { [random.pick(groups)]: 'A group with a description' },
    'staff_information.staff': true,
    'staff_information.manager': random.chance(0.1),
    'staff_information.director': false,
    'staff_information.title': random.pick(titles),
    'staff_information.team': random.pick(teams),
    'staff_information.cost_center': `${1000 + random.int(50)}.0`,
    'staff_information.worker_type': 'Employee',
    'staff_information.office_location': random.pick(offices),
  }
}
