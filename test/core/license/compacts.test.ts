import {
  contactsOf,
  defaultCompacts,
  findCompact,
  isMember,
  listCompactFaults,
  parseCompacts,
  timeZoneOf,
  type Compact,
} from '../../../core/license/compacts.ts'
import { isJurisdiction, jurisdictions } from '../../../core/license/jurisdictions.ts'

const licenseTypes = [{ name: 'audiologist', abbreviation: 'aud' }]

test('jurisdictions are the 50 states, dc, pr and vi', () => {
  expect(new Set(jurisdictions).size).toBe(53)
  expect(['al', 'wy', 'dc', 'pr', 'vi'].every(isJurisdiction)).toBe(true)
  expect(['OH', 'gu', 'as', 'xx', '', 'aslp'].some(isJurisdiction)).toBe(false)
})

test('defaultCompacts names three compacts with their license types', () => {
  const types = defaultCompacts.map((compact) => [
    compact.abbreviation,
    compact.licenseTypes.map(({ name, abbreviation }) => `${name} (${abbreviation})`),
  ])
  expect(Object.fromEntries(types)).toEqual({
    aslp: ['audiologist (aud)', 'speech-language pathologist (slp)'],
    octp: ['occupational therapist (ot)', 'occupational therapy assistant (ota)'],
    coun: ['licensed professional counselor (lpc)'],
  })
  expect(
    defaultCompacts.every((compact) => jurisdictions.every((code) => isMember(compact, code))),
  ).toBe(true)
})

test('parseCompacts() reads a document and fills in what it leaves open', () => {
  const compacts = parseCompacts({
    aslp: {
      name: 'Speech',
      licenseTypes,
      members: ['al', 'oh'],
      timeZones: { oh: 'America/New_York' },
      contacts: { oh: ['ops@example.com'] },
    },
    nurs: { licenseTypes },
  })
  const aslp = findCompact(compacts, 'aslp') as Compact
  expect(isMember(aslp, 'oh')).toBe(true)
  expect(isMember(aslp, 'ky')).toBe(false)
  expect(timeZoneOf(aslp, 'oh')).toBe('America/New_York')
  expect(timeZoneOf(aslp, 'al')).toBe('Etc/GMT+4')
  expect(contactsOf(aslp, 'oh')).toEqual(['ops@example.com'])
  expect(contactsOf(aslp, 'al')).toEqual([])
  expect(findCompact(compacts, 'nurs')).toMatchObject({ name: 'NURS', members: jurisdictions })
  expect(findCompact(compacts, 'octp')).toBeUndefined()
})

test.each<[string, unknown, RegExp]>([
  ['no object', [], /"document"/],
  ['no compact', {}, /"document": names no compact/],
  ['a short abbreviation', { asl: { licenseTypes } }, /"asl": must be at least four lower-case/],
  ['an upper-case abbreviation', { ASLP: { licenseTypes } }, /"ASLP"/],
  ['a jurisdiction for an abbreviation', { oh: { licenseTypes } }, /"oh".*jurisdiction code/],
  ['no license types', { aslp: { name: 'A' } }, /"aslp.licenseTypes"/],
  ['empty license types', { aslp: { licenseTypes: [] } }, /"aslp.licenseTypes": is empty/],
  [
    'a license type twice',
    { aslp: { licenseTypes: [...licenseTypes, { name: 'audiologist', abbreviation: 'a' }] } },
    /"aslp.licenseTypes": repeats "audiologist"/,
  ],
  [
    'an abbreviation of a license type twice',
    { aslp: { licenseTypes: [...licenseTypes, { name: 'b', abbreviation: 'aud' }] } },
    /"aslp.licenseTypes": repeats "aud"/,
  ],
  [
    'an unknown member',
    { aslp: { licenseTypes, members: ['oh', 'xx'] } },
    /"aslp.members.1": is not a jurisdiction code/,
  ],
  ['a member twice', { aslp: { licenseTypes, members: ['oh', 'oh'] } }, /repeats "oh"/],
  [
    'an unknown time zone',
    { aslp: { licenseTypes, timeZones: { oh: 'America/Columbus' } } },
    /"aslp.timeZones.oh": is not an IANA time zone/,
  ],
  [
    'an offset for a time zone',
    { aslp: { licenseTypes, timeZones: { oh: '-05:00' } } },
    /"aslp.timeZones.oh": is not an IANA time zone/,
  ],
  [
    'a time zone of nowhere',
    { aslp: { licenseTypes, timeZones: { xx: 'America/New_York' } } },
    /"aslp.timeZones.xx": is not a jurisdiction code/,
  ],
  [
    'a contact without an address',
    { aslp: { licenseTypes, contacts: { oh: ['ops'] } } },
    /"aslp.contacts.oh.0": is not an e-mail address/,
  ],
  ['an unknown member of a compact', { aslp: { licenseTypes, types: [] } }, /"aslp".*types/],
])('listCompactFaults() finds %s', (_, document, fault) => {
  const faults = listCompactFaults(document)
  expect(faults).toHaveLength(1)
  expect(faults[0]).toMatch(fault)
})

test('listCompactFaults() lists every fault at once', () => {
  const faults = listCompactFaults({
    abc: { licenseTypes },
    aslp: { licenseTypes: [{ name: '', abbreviation: 'A1' }], members: ['zz'] },
  })
  expect(faults).toHaveLength(4)
})

test('listCompactFaults() names what is wrong below a name that is refused', () => {
  const timeZones = { xx: 'Mars/Olympus' }
  expect(listCompactFaults({ abc: { licenseTypes, members: ['zz'], timeZones } })).toEqual([
    '"abc": must be at least four lower-case letters',
    '"abc.members.0": is not a jurisdiction code',
    '"abc.timeZones.xx": is not a jurisdiction code',
    '"abc.timeZones.xx": is not an IANA time zone',
  ])
})
