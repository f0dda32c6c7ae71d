import { once } from 'node:events'
import { creates, scimIdOf, testPeople, testPerson, TestTarget } from '../../support/scim.ts'
import {
  misbehaveFirst,
  startMisbehavingScim,
  takeAway,
  type MisbehavingScim,
  type ScimCall,
  type ScimMisbehaviour,
} from '../../support/misbehaving-scim.ts'

let server: MisbehavingScim
let target: TestTarget

beforeEach(async () => {
  server = await startMisbehavingScim()
  target = new TestTarget(server)
})
afterEach(async () => {
  target.close()
  await server.close()
})

const isPost = ({ method, path }: ScimCall): boolean => method === 'POST' && path === '/Users'

const first = (
  count: number,
  which: (call: ScimCall) => boolean,
  misbehaviour: ScimMisbehaviour,
): void => misbehaveFirst(server, count, { which, misbehaviour })
const without = (...features: readonly string[]): void => takeAway(server, ...features)

function countCalls(which: (call: ScimCall) => boolean): number {
  return server.calls.filter(which).length
}

describe('a create whose outcome is unknown', () => {
  test.each(['hangs-up-after-commit', 'hangs-after-commit'] as const)(
    'is looked up before it is tried again: %s',
    async (misbehaviour) => {
      target = new TestTarget(server, { timeoutMs: 300 })
      first(1, isPost, misbehaviour)
      const [verdict] = await target.people(creates(testPerson(1)))
      expect(verdict).toMatchObject({ outcome: 'done', attempts: 1 })
      expect(server.scim.users()).toHaveLength(1)
    },
  )

  test('is tried again when nothing came of it', async () => {
    first(2, isPost, 'hangs-up')
    const [verdict] = await target.people(creates(testPerson(1)))
    expect(verdict).toMatchObject({ outcome: 'done', attempts: 3 })
    expect(server.scim.users()).toHaveLength(1)
  })

  test.each([500, 502, 504])('is looked up after a %i too', async (status) => {
    server.behave = () => undefined
    let posts = 0
    const page = { status, type: 'text/html', body: '<html>Oops</html>' }
    server.behave = (call) => (isPost(call) && ++posts === 1 ? page : undefined)
    const [verdict] = await target.people(creates(testPerson(1)))
    expect(verdict).toMatchObject({ outcome: 'done', attempts: 2 })
    const order = server.calls.map(({ method }) => method)
    expect(order.slice(order.indexOf('POST'))).toEqual(['POST', 'GET', 'GET', 'POST'])
  })

  test('is looked up when the server answers with a page', async () => {
    const { behave } = server
    server.behave = behave
    first(1, isPost, { status: 200, type: 'text/html', body: '<html>Hello</html>' })
    expect(await target.people(creates(testPerson(1)))).toMatchObject([{ outcome: 'done' }])
    expect(server.scim.users()).toHaveLength(1)
  })

  test('is looked up for each record of a bulk that broke', async () => {
    first(1, ({ path }) => path === '/Bulk', 'hangs-up-after-commit')
    const verdicts = await target.people(creates(...testPeople(30)))
    expect(verdicts).toHaveLength(30)
    expect(verdicts.every(({ outcome }) => outcome === 'done')).toBe(true)
    expect(server.scim.users()).toHaveLength(30)
    expect(countCalls(isPost)).toBe(0)
  })

  test('takes an account without an externalId for its own when the name was free before', async () => {
    const keepsNone = (call: ScimCall): ScimMisbehaviour | undefined => {
      if (call.path === '/ServiceProviderConfig') return undefined
      return { edit: (body) => dropExternalIds(body) }
    }
    let posts = 0
    server.behave = (call) =>
      isPost(call) && ++posts === 1 ? 'hangs-up-after-commit' : keepsNone(call)
    expect(await target.people(creates(testPerson(1)))).toMatchObject([{ outcome: 'done' }])
    expect(server.scim.users()).toHaveLength(1)
  })
})

function dropExternalIds(body: Record<string, unknown>): unknown {
  const { externalId: _externalId, ...rest } = body
  const resources = rest['Resources'] as Record<string, unknown>[] | undefined
  return resources ? { ...rest, Resources: resources.map((one) => dropExternalIds(one)) } : rest
}

describe('a target that asks to wait', () => {
  test('is waited for, and the waits are no attempts', async () => {
    first(5, isPost, { status: 429, headers: { 'retry-after': '0' } })
    const [verdict] = await target.people(creates(testPerson(1)))
    expect(verdict).toMatchObject({ outcome: 'done', attempts: 1 })
    expect(countCalls(isPost)).toBe(6)
  })

  test.each([
    ['seconds', () => '1'],
    ['a date', () => new Date(Date.now() + 2_000).toUTCString()],
  ])('is left alone by all calls until then: %s', async (_name, retryAfter) => {
    without('bulk')
    const { behave } = server
    let until = 0
    server.behave = (call) => {
      if (isPost(call) && until === 0) {
        until = call.atMs + 900
        return { status: 503, headers: { 'retry-after': retryAfter() } }
      }
      return behave(call)
    }
    const verdicts = await target.people(creates(...testPeople(30)))
    expect(verdicts.every(({ outcome }) => outcome === 'done')).toBe(true)
    // The others were under way with the first.
    const early = server.calls.filter((call) => isPost(call) && call.atMs < until)
    expect(early.length).toBeLessThanOrEqual(8)
  })

  test('gets fewer calls at once afterwards', async () => {
    without('bulk')
    const { behave } = server
    let underWay = 0
    let most = 0
    let isLimited = true
    server.behave = (call) => {
      if (!isPost(call)) return behave(call)
      const recent = server.calls.filter((one) => isPost(one) && call.atMs - one.atMs < 100)
      underWay = recent.length
      if (!isLimited) most = Math.max(most, underWay)
      if (isLimited && underWay > 3) {
        isLimited = false
        return { status: 429, headers: { 'retry-after': '1' } }
      }
      return undefined
    }
    const verdicts = await target.people(creates(...testPeople(20)))
    expect(verdicts.every(({ outcome }) => outcome === 'done')).toBe(true)
    expect(isLimited).toBe(false)
    expect(most).toBeLessThan(20)
    expect(server.scim.users()).toHaveLength(20)
  })
})

describe('a stop', () => {
  test.each([
    ['in a wait that the target asked for', { status: 429, headers: { 'retry-after': '60' } }],
    ['in a call that hangs', 'hangs'],
  ] as const)('comes at once %s', async (_name, misbehaviour) => {
    first(Number.POSITIVE_INFINITY, isPost, misbehaviour)
    without('bulk')
    const stop = new AbortController()
    const writing = target.people(creates(...testPeople(20)), stop.signal).then(
      () => 'done',
      (error: unknown) => error,
    )
    while (countCalls(isPost) === 0) await once(stopTimer(), 'abort')
    const startedMs = performance.now()
    stop.abort()
    expect(await writing).toMatchObject({ code: 'call_aborted' })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    // What was on its way arrives.
    await once(stopTimer(), 'abort')
    const count = server.calls.length
    await once(stopTimer(), 'abort')
    await once(stopTimer(), 'abort')
    expect(server.calls.length).toBe(count)
  })

  test('hands over the verdicts of what was done before it', async () => {
    without('bulk')
    const { behave } = server
    const stop = new AbortController()
    server.behave = (call) => {
      if (isPost(call) && server.scim.users().length >= 5) stop.abort()
      return behave(call)
    }
    const done: string[] = []
    const writing = target.target.writePeople(creates(...testPeople(50)), {
      signal: stop.signal,
      onVerdicts: async (verdicts) => {
        done.push(...verdicts.map(({ id }) => id))
        await Promise.resolve()
      },
    })
    await expect(writing).rejects.toMatchObject({ code: 'call_aborted' })
    expect(done.length).toBeGreaterThanOrEqual(4)
    expect(done.length).toBeLessThan(50)
  })
})

function stopTimer(): AbortSignal {
  return AbortSignal.timeout(100)
}

describe('a target that is down', () => {
  test('is said to be unreachable, not its records to be bad', async () => {
    await target.people(creates(testPerson(1)))
    server.behave = () => ({ status: 503 })
    await expect(target.people(creates(...testPeople(40, 2)))).rejects.toMatchObject({
      code: 'target_unreachable',
      status: 503,
    })
  })

  test('fails one record alone when the others get through', async () => {
    without('bulk')
    const { behave } = server
    server.behave = (call) =>
      isPost(call) && call.body?.['externalId'] === 'clever:3' ? { status: 500 } : behave(call)
    const verdicts = await target.people(creates(...testPeople(6)))
    expect(verdicts.filter(({ outcome }) => outcome === 'done')).toHaveLength(5)
    expect(verdicts[2]).toMatchObject({ outcome: 'failed', code: 'http_500', attempts: 3 })
  })

  test.each([401, 403])('gets no more than a dozen calls after a %i', async (status) => {
    without('bulk')
    await target.people(creates(...testPeople(60)))
    server.behave = () => ({ status })
    const before = server.calls.length
    await expect(target.people(creates(...testPeople(100, 100)))).rejects.toMatchObject({
      code: 'target_unauthorized',
    })
    expect(server.calls.length - before).toBeLessThanOrEqual(12)
  })
})

describe('a version that is outdated', () => {
  test('is read again, and what still differs is written once', async () => {
    const [before, after] = [testPerson(1), testPerson(1, { displayName: 'New' })]
    const [created] = await target.people(creates(before))
    const scimId = scimIdOf(created)
    first(1, ({ method }) => method === 'PATCH', { status: 412 })
    const order = { op: 'update', id: 'u', scimId, before, after } as const
    expect(await target.people([order])).toMatchObject([{ outcome: 'done', attempts: 2 }])
    expect(server.scim.users()[0]).toMatchObject({ displayName: 'New' })

    first(Number.POSITIVE_INFINITY, ({ method }) => method === 'PATCH', { status: 412 })
    const back = { op: 'update', id: 'u', scimId, before: after, after: before } as const
    expect(await target.people([back])).toMatchObject([{ outcome: 'failed', code: 'http_412' }])
  })
})

describe('a PATCH that is refused', () => {
  test('becomes GET and PUT, and keeps what is not ours', async () => {
    const [before, after] = [testPerson(1), testPerson(1, { displayName: 'New' })]
    const [created] = await target.people(creates(before))
    const scimId = scimIdOf(created)
    await target.call('PATCH', `/Users/${scimId}`, {
      Operations: [{ op: 'replace', path: 'nickName', value: 'Kept' }],
    })
    first(1, ({ method }) => method === 'PATCH', { status: 400, body: { scimType: 'invalidPath' } })
    const order = { op: 'update', id: 'u', scimId, before, after } as const
    expect(await target.people([order])).toMatchObject([{ outcome: 'done' }])
    expect(server.scim.users()[0]).toMatchObject({ displayName: 'New', nickName: 'Kept' })
  })
})

describe('a target that refuses the enterprise extension', () => {
  const isExtended = ({ method, body }: ScimCall): boolean =>
    method !== 'GET' && JSON.stringify(body ?? {}).includes('extension:enterprise')

  beforeEach(() => {
    without('bulk')
    const { behave } = server
    const refusal = { status: 400, body: { scimType: 'invalidValue' } }
    server.behave = (call) => (isExtended(call) ? refusal : behave(call))
  })

  test('gets people without it, and is not asked again', async () => {
    const verdicts = await target.people(creates(testPerson(1)))
    expect(verdicts).toMatchObject([{ outcome: 'done' }])
    expect(await target.people(creates(...testPeople(10, 2)))).toHaveLength(10)
    expect(countCalls(isExtended)).toBe(1)
    expect(server.scim.users()).toHaveLength(11)
  })

  test('gets the rest of an update', async () => {
    const [created] = await target.people(creates(testPerson(1)))
    const before = testPerson(1)
    const after = testPerson(1, { displayName: 'New', enterprise: { employeeNumber: '7' } })
    const fresh = new TestTarget(server)
    const order = { op: 'update', id: 'u', scimId: scimIdOf(created), before, after } as const
    expect(await fresh.people([order])).toMatchObject([{ outcome: 'done' }])
    expect(server.scim.users()[0]).toMatchObject({ displayName: 'New' })
    fresh.close()
  })
})

test('an account of ours that cannot have its name is a conflict of names', async () => {
  await target.people(creates(testPerson(1), testPerson(2)))
  const wanted = testPerson(1, { userName: testPerson(2).userName })
  const other = new TestTarget(server)
  expect(await other.people(creates(wanted))).toMatchObject([
    { outcome: 'failed', code: 'username_conflict' },
  ])
  other.close()
})

test('the address of what was made is enough to know its id', async () => {
  without('bulk')
  const { behave } = server
  let made = 0
  server.behave = (call) => {
    if (!isPost(call)) return behave(call)
    made += 1
    // A broken address says nothing; the account is then looked for, and tried again.
    const location = made === 1 ? 'https://scim.example/Users/%E0%A4%A' : '/Users/a%7Cb'
    return { status: 201, headers: { location }, body: '' }
  }
  const [verdict] = await target.people(creates(testPerson(1)))
  expect(verdict).toMatchObject({ outcome: 'done', scimId: 'a|b', attempts: 2 })
})
