import { leafPaths } from '../../../core/profile/attributes.ts'
import { publisherNames } from '../../../core/profile/document.ts'
import { mayCreate, mayUpdate, publisherRules } from '../../../core/profile/rules.ts'

type Row = readonly [paths: string, create: string, update: string]

const identities =
  'identities.github_id_v3 identities.github_id_v4 identities.github_primary_email ' +
  'identities.mozilliansorg_id identities.bugzilla_mozilla_org_id ' +
  'identities.bugzilla_mozilla_org_primary_email identities.google_oauth2_id ' +
  'identities.google_primary_email identities.firefox_accounts_id ' +
  'identities.firefox_accounts_primary_email identities.custom_1_primary_email ' +
  'identities.custom_2_primary_email identities.custom_3_primary_email'

const rows: readonly Row[] = [
  ['uuid', 'cis', ''],
  ['primary_username', 'cis', 'mozilliansorg'],
  ['user_id login_method primary_email', 'ldap hris access_provider', 'access_provider'],
  ['active', 'ldap hris access_provider cis', 'cis'],
  ['last_modified created', 'ldap hris cis access_provider', 'cis'],
  ['usernames', 'ldap access_provider mozilliansorg', 'mozilliansorg'],
  ['first_name last_name', 'ldap hris access_provider mozilliansorg', 'mozilliansorg'],
  [
    'pronouns alternative_name fun_title description location languages tags picture uris phone_numbers',
    'ldap mozilliansorg',
    'mozilliansorg',
  ],
  ['timezone', 'hris ldap mozilliansorg', 'mozilliansorg'],
  ['ssh_public_keys pgp_public_keys', 'ldap', 'ldap'],
  [identities, 'ldap hris access_provider mozilliansorg', 'mozilliansorg'],
  [
    'identities.mozilla_ldap_id identities.mozilla_ldap_primary_email identities.mozilla_posix_id',
    'ldap hris access_provider',
    'mozilliansorg',
  ],
  ['access_information.ldap', 'ldap', 'ldap'],
  ['access_information.hris', 'hris', 'hris'],
  ['access_information.mozilliansorg', 'mozilliansorg', 'mozilliansorg'],
  ['access_information.access_provider', 'access_provider', 'access_provider'],
  [
    'staff_information.manager staff_information.director staff_information.staff ' +
      'staff_information.title staff_information.team staff_information.cost_center ' +
      'staff_information.worker_type staff_information.wpr_desk_number ' +
      'staff_information.office_location',
    'ldap hris',
    'hris',
  ],
]

const table = rows.flatMap(([paths, create, update]) =>
  paths.split(' ').map((path) => [path, create.split(' '), update] as const),
)

test('the rules know every leaf and nothing else', () => {
  expect(table.map(([path]) => path).toSorted()).toEqual(leafPaths.toSorted())
})

test.each(table)(
  'mayCreate() lets set %s by %j alone; mayUpdate() lets change it "%s"',
  (path, create, update) => {
    const creators = publisherNames.filter((publisher) => mayCreate({ path, publisher }))
    expect(creators.toSorted()).toEqual(create.toSorted())
    const updaters = publisherNames.filter((publisher) => mayUpdate({ path, publisher }))
    expect(updaters).toEqual(update === '' ? [] : [update])
  },
)

test.each(table)(
  'publisherRules say of %s, nested as in a profile, the same',
  (path, create, update) => {
    const [name = '', leaf] = path.split('.')
    const pick = (rules: Readonly<Record<string, unknown>>): unknown =>
      leaf === undefined ? rules[name] : (rules[name] as Readonly<Record<string, unknown>>)[leaf]
    expect(new Set(pick(publisherRules.create) as string[])).toEqual(new Set(create))
    expect(pick(publisherRules.update)).toBe(update === '' ? null : update)
  },
)

test('mayCreate() and mayUpdate() refuse what is no leaf', () => {
  for (const path of ['identities', 'schema', 'constructor', 'nothing']) {
    expect(mayCreate({ path, publisher: 'ldap' })).toBe(false)
    expect(mayUpdate({ path, publisher: 'ldap' })).toBe(false)
  }
})
