import { findCisProfile, runCisClient } from '../support/cis-profile.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'

const READERS = [
  ['classification:public', 'display:none'],
  ['classification:mozilla_confidential', 'display:none', 'display:ndaed'],
  ['classification:workgroup', 'display:staff', 'display:private'],
  ['classification:workgroup:staff_only', 'classification:workgroup', 'display:none'],
  ['classification:mozilla_confidential', 'display:authenticated', 'display:vouched'],
]
const SEEDS = [11, 22]

const library = await findCisProfile()
const suite = 'path' in library ? describe : describe.skip
const title =
  'path' in library
    ? "Mozilla's cis_profile"
    : `Mozilla's cis_profile (skipped: ${library.missing})`

type Answer = Readonly<Record<string, unknown>>
type Check = { readonly valid: boolean; readonly signed: boolean; readonly published: boolean }
type Report = {
  readonly schema: unknown
  readonly rules: unknown
  readonly lives: readonly {
    readonly answers: readonly Answer[]
    readonly checks: readonly Check[]
    readonly lost: readonly string[]
  }[]
  readonly change: Readonly<Record<'answer' | 'again' | 'changed' | 'check' | 'merged', unknown>>
  readonly changeInText: { readonly answer: Answer; readonly location: string }
  readonly refusals: Readonly<Record<'publisher' | 'signature' | 'schema', [string, Answer]>> & {
    readonly unchanged: boolean
  }
  readonly filters: readonly { readonly same: boolean; readonly kept: number }[]
}

suite(title, () => {
  let publishers: TestPublishers
  let api: TestApi
  let report: Report

  beforeAll(async () => {
    publishers = await createTestPublishers()
    api = await startTestApi({ env: { PUBLISHERS_FILE: publishers.file } })
    report = (await runCisClient('path' in library ? library.path : '', {
      discoveryUrl: `${api.url}/.well-known/mozilla-iam`,
      publishersFile: publishers.file,
      tokens: await createTokens(api),
      readers: READERS,
      seeds: SEEDS,
    })) as Report // what client.py writes
  }, 600_000)
  afterAll(async () => {
    await api.close()
    await publishers.close()
  })

  test('finds the schema and the publisher rules by discovery, not in its own copies', async () => {
    const get = async (path: string): Promise<unknown> => await (await api.call(path)).json()
    expect(report.schema).toEqual(await get('/.well-known/profile.schema'))
    expect(report.rules).toEqual(await get('/.well-known/mozilla-iam-publisher-rules'))
  })

  test('publishes persons of its own making as four publishers, and nothing is lost', () => {
    expect(report.lives).toHaveLength(SEEDS.length)
    for (const { answers, lost } of report.lives) {
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect(answers.map(({ condition }) => condition)).toEqual([
        'create',
        'update',
        'update',
        'update',
      ])
      expect(lost).toEqual([])
    }
  })

  test('finds what it reads back valid, signed by published keys and published by the rules', () => {
    const checks = [...report.lives.flatMap((life) => life.checks), report.change.check]
    expect(checks).toHaveLength(SEEDS.length * 4 + 1)
    for (const check of checks) {
      expect(check).toEqual({ valid: true, signed: true, published: true })
    }
  })

  test('merges a partial change as Registrar does, and may send it again', () => {
    const { answer, again, changed, merged } = report.change
    expect(answer).toMatchObject({ status: 200, status_code: 200, condition: 'update' })
    expect(again).toMatchObject({ status: 200, status_code: 202, condition: 'noop' })
    expect(changed).toEqual(['fun_title'])
    expect(merged).toBe(true)
  })

  test('may send a profile as a JSON text that holds one', () => {
    expect(report.changeInText.answer).toMatchObject({ status_code: 200, condition: 'update' })
    expect(report.changeInText.location).toBe('Ankh-Morpork')
  })

  test('and Registrar refuse the same for the same reasons', () => {
    const { publisher, signature, schema, unchanged } = report.refusals
    const words = '[update] hris is NOT allowed to publish field first_name'
    expect(publisher[0]).toBe(words)
    expect(publisher[1]).toMatchObject({
      status: 403,
      code: 'invalid_publisher',
      description: expect.stringContaining(words),
    })
    expect(signature[0]).toBe('SignatureVerificationFailure')
    expect(signature[1]).toMatchObject({ status: 403, code: 'invalid_signature' })
    expect(schema[0]).toBe('ValidationError')
    expect(schema[1]).toMatchObject({ status: 400, code: 'schema_violation' })
    expect(unchanged).toBe(true)
  })

  test.each(READERS.map((scopes, index) => [scopes.join(' '), index] as const))(
    'filters a person as Registrar does for "%s"',
    (_, index) => {
      expect(report.filters[index]?.same).toBe(true)
      expect(report.filters[index]?.kept).toBeGreaterThan(0)
      expect(report.filters[index]?.kept).toBeLessThan(53)
    },
  )
})

async function createTokens(api: TestApi): Promise<Record<string, string>> {
  const tokens: [string, string][] = [
    ['everything', await api.token('read:fullprofile display:all')],
  ]
  for (const scopes of READERS) {
    tokens.push([scopes.join(' '), await api.token(scopes.join(' '))])
  }
  for (const publisher of ['ldap', 'hris', 'mozilliansorg', 'access_provider']) {
    tokens.push([publisher, await api.token('write', { publisher })])
  }
  return Object.fromEntries(tokens)
}
