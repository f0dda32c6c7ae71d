import { attributeGroups, attributeRules, leafPaths } from '../../../core/profile/attributes.ts'
import { findAttribute } from '../../../core/profile/document.ts'
import { createNullProfile } from '../../../core/profile/null-profile.ts'

test('createNullProfile() has the 28 root keys in their order', () => {
  expect(Object.keys(createNullProfile())).toEqual(
    (
      'schema uuid user_id primary_username login_method active last_modified created usernames ' +
      'pronouns first_name last_name alternative_name primary_email identities ssh_public_keys ' +
      'pgp_public_keys access_information fun_title description location timezone languages tags ' +
      'picture uris phone_numbers staff_information'
    ).split(' '),
  )
})

test('createNullProfile() has 53 leaves: 24 at the top and 16, 4 and 9 in the groups', () => {
  const profile = createNullProfile()
  const counts = attributeGroups.map((group) => Object.keys(profile[group] ?? {}).length)
  expect(counts).toEqual([16, 4, 9])
  expect(leafPaths).toHaveLength(53)
  expect(leafPaths.filter((path) => !path.includes('.'))).toHaveLength(24)
})

test.each(leafPaths)('createNullProfile() has %s null, unsigned and never modified', (path) => {
  const attribute = findAttribute(createNullProfile(), path)
  const member = ['value', 'values'].filter((name) => Object.hasOwn(attribute ?? {}, name))
  expect(member).toHaveLength(1)
  expect(attribute).toEqual({
    signature: {
      publisher: { alg: 'RS256', typ: 'JWS', name: expect.any(String), value: '' },
      additional: [{ alg: 'RS256', typ: 'JWS', name: null, value: '' }],
    },
    metadata: {
      classification: attributeRules[path]?.classification,
      display: attributeRules[path]?.displays[0],
      created: '1970-01-01T00:00:00Z',
      last_modified: '1970-01-01T00:00:00Z',
      verified: true,
    },
    [member[0] ?? '']: null,
  })
})

test('createNullProfile() names each publisher as the one by default', () => {
  const byPublisher: Record<string, string[]> = {}
  for (const path of leafPaths) {
    const name = findAttribute(createNullProfile(), path)?.signature.publisher.name ?? ''
    byPublisher[name] = [...(byPublisher[name] ?? []), path]
  }
  const staff = leafPaths.filter((path) => path.startsWith('staff_information.'))
  expect(byPublisher).toMatchObject({
    ldap: ['ssh_public_keys', 'pgp_public_keys', 'access_information.ldap'],
    hris: ['access_information.hris', ...staff],
    cis: ['uuid', 'primary_username', 'last_modified', 'created'],
    access_provider: [
      'user_id',
      'login_method',
      'active',
      'primary_email',
      'access_information.access_provider',
    ],
  })
  expect(byPublisher['mozilliansorg']).toHaveLength(53 - 3 - 10 - 4 - 5)
})

test.each([
  ['uuid', 'string', 'PUBLIC', ['public']],
  ['active', 'boolean', 'WORKGROUP CONFIDENTIAL', [null]],
  ['identities.mozilla_ldap_id', 'string', 'WORKGROUP CONFIDENTIAL', ['staff']],
  ['access_information.ldap', 'access', 'PUBLIC', [null, 'vouched', 'ndaed', 'staff', 'private']],
  ['access_information.hris', 'access', 'WORKGROUP CONFIDENTIAL: STAFF ONLY', [null]],
  ['access_information.access_provider', 'access', 'WORKGROUP CONFIDENTIAL', [null]],
  ['staff_information.title', 'string', 'MOZILLA CONFIDENTIAL', ['ndaed', 'staff']],
  ['staff_information.manager', 'boolean', 'MOZILLA CONFIDENTIAL', ['ndaed', 'staff']],
  ['staff_information.cost_center', 'string', 'WORKGROUP CONFIDENTIAL: STAFF ONLY', ['staff']],
])('attributeRules says of %s what it is and who may see it', (path, ...expected) => {
  const rule = attributeRules[path]
  expect([rule?.kind, rule?.classification, rule?.displays]).toEqual(expected)
})
