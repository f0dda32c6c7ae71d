import { randomUUID } from 'node:crypto'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { insertChange, insertLicense } from '../support/licenses.ts'

const ssn = '123-00-4711'

let api: TestApi
let providerId: string

beforeAll(async () => {
  api = await startTestApi()
  providerId = await insertWithSsn('aslp')
})
afterAll(async () => await api.close())

async function insertWithSsn(compact: string, jurisdiction = 'oh'): Promise<string> {
  const cipher = createFieldCipher(api.ring)
  const ssnCipher = cipher.encrypt(ssn, `ssn:${compact}`)
  return await insertLicense(api.db, { compact, jurisdiction, ssn, ssnCipher })
}

async function read(path: string, scope: string, subject = 'reader'): Promise<Response> {
  const token = await api.token(scope, { subject })
  return await api.call(path, { headers: { authorization: `Bearer ${token}` } })
}

const pathOf = (id: string, compact = 'aslp'): string => `/v1/compacts/${compact}/providers/${id}`

const everything = 'aslp/readGeneral aslp/aslp.readPrivate aslp/aslp.readSSN'

test.each([
  ['an unknown id', () => pathOf(randomUUID())],
  ['an id that is none', () => pathOf('me')],
  ['another compact', () => pathOf(providerId, 'octp')],
  ['a compact that is not configured', () => pathOf(providerId, 'nope')],
])('a provider, its history and SSN are not found under %s', async (_, path) => {
  const scope = ['aslp', 'octp', 'nope']
    .map((code) => `${code}/readGeneral ${code}/${code}.readSSN`)
    .join(' ')
  const answers = await Promise.all(
    ['', '/history', '/ssn'].map(async (part) => await read(`${path()}${part}`, scope)),
  )
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404])
})

test('a license that expired is inactive, whatever was uploaded', async () => {
  const expired = await insertLicense(api.db, { board: { date_of_expiration: '2020-01-01' } })
  const body: unknown = await (await read(pathOf(expired), everything)).json()
  expect(body).toMatchObject({
    licenseStatus: 'inactive',
    compactEligibility: 'ineligible',
    jurisdictionUploadedLicenseStatus: 'active',
    licenses: [{ licenseStatus: 'inactive', compactEligibility: 'ineligible' }],
  })
})

describe('the SSN of a provider', () => {
  test.each([
    ['aslp/aslp.readSSN', 200],
    ['aslp/oh.readSSN', 200],
    ['aslp/ky.readSSN', 403],
    ['aslp/readSSN', 403],
    ['aslp/readGeneral aslp/aslp.readPrivate aslp/aslp.admin', 403],
    ['octp/octp.readSSN octp/oh.readSSN', 403],
  ])('with the scope "%s" is answered by %i', async (scope, status) => {
    const answer = await read(`${pathOf(providerId)}/ssn`, scope, `subject of ${scope}`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect((await answer.text()).includes(ssn)).toBe(status === 200)
  })

  test('is read at most five times in 24 hours, over all providers and also at once', async () => {
    const others = [await insertWithSsn('aslp'), await insertWithSsn('aslp', 'ky')]
    const ids = Array.from({ length: 12 }, (_, index) => others[index % 2] ?? providerId)
    const answers = await Promise.all(
      ids.map(async (id) => await read(`${pathOf(id)}/ssn`, everything, 'greedy')),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
    expect(refused).toHaveLength(7)
    for (const answer of refused) {
      const seconds = Number(answer.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(86_000)
      expect(seconds).toBeLessThanOrEqual(86_400)
    }
    const other = await read(`${pathOf(providerId)}/ssn`, everything, 'somebody else')
    expect(other.status).toBe(200)
  })

  test('is audited once for each read, and for none that was refused', async () => {
    const headers = {
      authorization: `Bearer ${await api.token(everything, { subject: 'audited' })}`,
      'x-request-id': 'ssn-request',
    }
    const answer = await api.call(`${pathOf(providerId)}/ssn`, { headers })
    await expect(answer.json()).resolves.toEqual({ providerId, ssn })
    await read(`${pathOf(providerId)}/ssn`, 'aslp/ky.readSSN', 'audited')
    const { rows } = await api.db.query(
      `select action, subject_type, subject_id, cause from audit_entries where actor = 'audited'`,
    )
    expect(rows).toEqual([
      {
        action: 'ssn.read',
        subject_type: 'provider',
        subject_id: providerId,
        cause: expect.objectContaining({ requestId: 'ssn-request' }) as unknown,
      },
    ])
  })

  test('that cannot be decrypted is neither answered nor counted', async () => {
    const broken = await insertLicense(api.db, { ssnCipher: Buffer.from('not a cipher') })
    const answer = await read(`${pathOf(broken)}/ssn`, everything, 'unlucky')
    expect(answer.status).toBe(500)
    const { rows } = await api.db.query(`select principal from ssn_reads where provider_id = $1`, [
      broken,
    ])
    expect(rows).toEqual([])
  })

  test('is in no log line', () => {
    expect(api.logLines.join('\n')).not.toMatch(/123-?00-?4711/)
  })
})

describe('the history of a provider', () => {
  let changed: string

  beforeAll(async () => {
    changed = await insertLicense(api.db, {
      board: { family_name: 'Third', date_of_expiration: '2024-05-31', email_address: null },
      createdAt: new Date('2020-01-01T00:00:00Z'),
      updatedAt: new Date('2022-01-01T00:00:00Z'),
    })
    const before = { familyName: 'First', dateOfExpiration: '2022-05-31', licenseStatus: 'active' }
    await insertChange(api.db, {
      providerId: changed,
      updateType: 'renewal',
      previous: before,
      updatedValues: { familyName: 'Second', dateOfExpiration: '2024-05-31' },
      effectiveDate: new Date('2021-01-01T12:00:00Z'),
    })
    await insertChange(api.db, {
      providerId: changed,
      previous: {
        ...before,
        familyName: 'Second',
        dateOfExpiration: '2024-05-31',
        emailAddress: 'second@example.com',
      },
      updatedValues: { familyName: 'Third' },
      removedValues: ['emailAddress'],
      effectiveDate: new Date('2022-01-01T00:00:00Z'),
    })
  })

  type History = {
    readonly items: readonly { updateType: string }[]
    readonly licenses: readonly unknown[]
    readonly next: string | null
  }

  async function historyAt(search: string): Promise<History> {
    const answer = await read(`${pathOf(changed)}/history${search}`, everything)
    expect(answer.status).toBe(200)
    return (await answer.json()) as History
  }

  test.each([
    ['', 'Third', 'inactive', 2],
    ['?asOf=2022-01-01T00:00:00Z', 'Third', 'active', 2],
    ['?asOf=2021-12-31T23:59:59Z', 'Second', 'active', 1],
    ['?asOf=2021-01-01', 'Second', 'active', 1],
    ['?asOf=2021-01-01T11:59:59%2B00:00', 'First', 'active', 0],
    ['?asOf=2020-01-01T00:00:00-00:00', 'First', 'active', 0],
  ] as const)('at "%s" knows the name %s', async (...[search, familyName, status, entries]) => {
    const { licenses, items } = await historyAt(search)
    expect(licenses).toMatchObject([{ familyName, licenseStatus: status }])
    expect(items).toHaveLength(entries)
  })

  test('before the first upload is empty', async () => {
    await expect(historyAt('?asOf=2019-12-31')).resolves.toMatchObject({ licenses: [], items: [] })
  })

  test('gives back fields that were removed since', async () => {
    const { licenses } = await historyAt('?asOf=2021-06-30')
    expect(licenses).toMatchObject([{ emailAddress: 'second@example.com' }])
  })

  test('comes in pages, newest first', async () => {
    const first = await historyAt('?limit=1')
    const second = await historyAt(`?limit=1&cursor=${encodeURIComponent(first.next ?? '')}`)
    const types = [first, second].map(({ items }) => items.map(({ updateType }) => updateType))
    expect(types).toEqual([['other'], ['renewal']])
    expect(second.next).toBeNull()
  })

  test.each(['asOf=yesterday', 'asOf=2021-13-01', 'asOf=2021-01-01T00:00', 'limit=0', 'cursor=x'])(
    'refuses %s',
    async (search) => {
      const answer = await read(`${pathOf(changed)}/history?${search}`, everything)
      expect(answer.status).toBe(400)
    },
  )
})
