import {
  changeFields,
  licenseFields,
  privilegeFields,
  providerFields,
} from '../../api/policies/provider-fields.ts'
import type { ProviderAudience } from '../../api/policies/provider.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { insertChange, insertLicense, insertPrivilege } from '../support/licenses.ts'

// Each value of a private field, as it stands in the tables; none may show in a general view.
const canaries = {
  date_of_birth: '1961-01-13',
  home_address_street1: 'canary-street1',
  home_address_street2: 'canary-street2',
  home_address_city: 'canary-city',
  home_address_state: 'canary-state',
  home_address_postal_code: '98765-4321',
  email_address: 'canary@example.com',
  phone_number: '+19998887777',
}
const changedCanaries = {
  dateOfBirth: '1962-02-14',
  homeAddressStreet1: 'canary-old-street1',
  homeAddressStreet2: 'canary-old-street2',
  homeAddressCity: 'canary-old-city',
  homeAddressState: 'canary-old-state',
  homeAddressPostalCode: '87654-3210',
  emailAddress: 'canary-old@example.com',
  phoneNumber: '+18887776666',
}
const changedFields = Object.keys(changedCanaries)
const lastFour = '4711'
const secrets = [
  ...Object.values(canaries),
  ...Object.values(changedCanaries),
  // In quotes, for ids have digits too.
  JSON.stringify(lastFour),
  `123-00-${lastFour}`,
  'board-clerk',
]

let api: TestApi
let providerId: string

beforeAll(async () => {
  api = await startTestApi()
  const board = { ...canaries, middle_name: 'María', suffix: 'Jr.', date_of_renewal: '2020-01-01' }
  providerId = await insertLicense(api.db, {
    board: { ...board, license_status_name: 'ACTIVE' },
    ssn: `123-00-${lastFour}`,
    encumbranceStatus: 'unencumbered',
    investigationStatus: 'under-investigation',
    homeJurisdiction: 'oh',
  })
  await insertPrivilege(api.db, { providerId, jurisdiction: 'ky' })
  await insertChange(api.db, {
    providerId,
    previous: { ...changedCanaries, givenName: 'Earlier', middleName: 'X' },
    updatedValues: { ...changedCanaries, givenName: 'Björk' },
    removedValues: ['middleName', 'phoneNumber'],
    effectiveDate: new Date('2021-01-01T00:00:00Z'),
  })
})
afterAll(async () => await api.close())

type Answer = ProviderAudience | 403

const permissions: readonly { scope: string; reads: Answer; queries: Answer; history: Answer }[] = [
  grant('', 403),
  grant('aslp/readGeneral', 'general'),
  grant('aslp/readGeneral aslp/aslp.readPrivate', 'private'),
  grant('aslp/readGeneral aslp/oh.readPrivate', 'private'),
  grant('aslp/readGeneral aslp/ky.readPrivate', 'private'),
  grant('aslp/readGeneral aslp/al.readPrivate', 'general'),
  grant('aslp/readGeneral aslp/oh.write aslp/write', 'general'),
  grant('aslp/readGeneral aslp/oh.admin aslp/aslp.admin aslp/admin', 'general'),
  grant('aslp/readGeneral aslp/aslp.readSSN aslp/oh.readSSN', 'general'),
  grant('aslp/readGeneral octp/octp.readPrivate octp/oh.readPrivate', 'general'),
  grant('aslp/readGeneral aslp/oh.readPrivate2 aslp/readPrivate aslp/.readPrivate', 'general'),
  { ...grant('aslp/aslp.readPrivate', 'private'), queries: 403 },
  { ...grant('aslp/al.readPrivate', 403), queries: 403 },
  grant('aslp/oh.readSSN', 403),
  grant('octp/readGeneral octp/octp.readPrivate octp/octp.readSSN', 403),
  grant('aslp/oh.write aslp/write aslp/admin', 403),
  grant('aslp readGeneral audit:read upload:write', 403),
]

describe.each(permissions)('with the scope "$scope"', ({ scope, reads, queries, history }) => {
  test(`a provider shows ${describeAnswer(reads)}`, async () => {
    const path = `/v1/compacts/aslp/providers/${providerId}`
    const { refusal, body } = await take(await api.call(path, { scope }), reads)
    expect(refusal).toEqual(refusalOf(reads))
    expect(shapeOf(body)).toEqual(expectedShape(reads))
  })

  test(`a query shows ${describeAnswer(queries)}`, async () => {
    const answer = await api.call('/v1/compacts/aslp/providers/query', {
      scope,
      method: 'POST',
      json: { query: { providerId } },
    })
    const { refusal, body } = await take(answer, queries)
    expect(refusal).toEqual(refusalOf(queries))
    expect(shapeOf(listOf(body, 'providers')[0])).toEqual(expectedShape(queries))
  })

  test(`the history shows ${describeAnswer(history)}`, async () => {
    const path = `/v1/compacts/aslp/providers/${providerId}/history`
    const { refusal, body } = await take(await api.call(path, { scope }), history)
    const [entry] = listOf(body, 'items')
    expect(refusal).toEqual(refusalOf(history))
    expect({
      entry: fieldsOf(entry),
      previous: fieldsOf(entry?.['previous']),
      updatedValues: fieldsOf(entry?.['updatedValues']),
      removedValues: entry?.['removedValues'] ?? [],
      license: fieldsOf(listOf(body, 'licenses')[0]),
    }).toEqual({
      entry: visible(changeFields, history),
      previous: onlyVisible([...changedFields, 'givenName', 'middleName'], history),
      updatedValues: onlyVisible([...changedFields, 'givenName'], history),
      removedValues: onlyVisible(['middleName', 'phoneNumber'], history),
      license: visible(licenseFields, history),
    })
  })
})

test('the private fields are those that the product promises', () => {
  const isPrivate = visible(providerFields, 'private').filter(
    (field) => !visible(providerFields, 'general').includes(field),
  )
  expect(isPrivate).toEqual([...changedFields, 'ssnLastFour'].toSorted())
})

test('neither a log line nor a refusal holds what is private', async () => {
  const scope = 'aslp/al.readPrivate'
  await api.call(`/v1/compacts/aslp/providers/${providerId}`, { scope })
  const log = api.logLines.join('\n')
  const logged = [...secrets, 'Björk', 'Guðmundsdóttir'].filter((secret) => log.includes(secret))
  expect(log).not.toBe('')
  expect(logged).toEqual([])
})

type Body = Readonly<Record<string, unknown>>

function grant(scope: string, reads: Answer): (typeof permissions)[number] {
  return { scope, reads, queries: reads === 'private' ? 'general' : reads, history: reads }
}

function describeAnswer(answer: Answer): string {
  return answer === 403 ? 'nothing' : `the ${answer} view`
}

type Taken = {
  readonly refusal: { status: number; cacheControl: string | null; leaks: readonly string[] }
  readonly body: Body
}

async function take(answer: Response, expected: Answer): Promise<Taken> {
  const text = await answer.text()
  return {
    refusal: {
      status: answer.status,
      cacheControl: answer.headers.get('cache-control'),
      leaks: expected === 'private' ? [] : secrets.filter((secret) => text.includes(secret)),
    },
    body: JSON.parse(text) as Body,
  }
}

function refusalOf(expected: Answer): Taken['refusal'] {
  return { status: expected === 403 ? 403 : 200, cacheControl: 'no-store', leaks: [] }
}

type Shape = { provider: string[]; license: string[]; privilege: string[] }

function shapeOf(provider: Body | undefined): Shape {
  if (!provider?.['providerId']) return { provider: [], license: [], privilege: [] }
  return {
    provider: fieldsOf(provider),
    license: fieldsOf(listOf(provider, 'licenses')[0]),
    privilege: fieldsOf(listOf(provider, 'privileges')[0]),
  }
}

function expectedShape(answer: Answer): Shape {
  return {
    provider: visible(providerFields, answer),
    license: visible(licenseFields, answer),
    privilege: visible(privilegeFields, answer),
  }
}

function onlyVisible(fields: readonly string[], answer: Answer): string[] {
  return fields.filter((field) => visible(licenseFields, answer).includes(field)).toSorted()
}

function visible(policy: Readonly<Record<string, ProviderAudience>>, audience: Answer): string[] {
  if (audience === 403) return []
  const fields = Object.entries(policy).filter(
    ([, needed]) => audience === 'private' || needed === 'general',
  )
  return fields.map(([field]) => field).toSorted()
}

function listOf(body: Body, name: string): readonly Body[] {
  const list = body[name]
  return Array.isArray(list) ? (list as Body[]) : []
}

function fieldsOf(value: unknown): string[] {
  return Object.keys(value ?? {}).toSorted()
}
