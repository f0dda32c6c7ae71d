import { startPoorScim } from '../../support/poor-scim.ts'
import {
  startMisbehavingScim,
  takeAway,
  type MisbehavingScim,
  type ScimCall,
} from '../../support/misbehaving-scim.ts'
import { creates, testPeople, testPerson, TestTarget } from '../../support/scim.ts'

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

const isFilter = ({ path }: ScimCall): boolean => path.includes('filter=')
const isPage = ({ path }: ScimCall): boolean => path.includes('startIndex=')
const fill = async (count: number): Promise<void> => {
  const body = (number: number): object => ({
    userName: `other${number}`,
    externalId: `hr:${number}`,
  })
  const Operations = Array.from({ length: count }, (_, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: String(index),
    data: body(index),
  }))
  for (let at = 0; at < count; at += 1_000) {
    await target.call('POST', '/Bulk', { Operations: Operations.slice(at, at + 1_000) })
  }
  server.calls.length = 0
}

test('asks an empty target once, and for nobody', async () => {
  await target.people(creates(...testPeople(150)))
  await target.people(creates(...testPeople(150, 1_000)))
  expect(server.calls.filter(isPage)).toHaveLength(1)
  expect(server.calls.filter(isFilter)).toEqual([])
})

test('asks a large target for the few whom it creates', async () => {
  await fill(1_200)
  await target.people(creates(...testPeople(5)))
  expect(server.calls.filter(isPage)).toHaveLength(1)
  // By externalId and by name; and each filter is proved once.
  expect(server.calls.filter(isFilter).length).toBeLessThanOrEqual(5 * 2 + 5 * 2)
})

test('lists a large target when it creates many', async () => {
  await fill(1_200)
  await target.people(creates(...testPeople(400)))
  expect(server.calls.filter(isPage)).toHaveLength(1 + 3)
  expect(server.calls.filter(isFilter).length).toBeLessThan(150)
  expect(server.scim.users()).toHaveLength(1_600)
})

test('finds ours in a large target whatever way it looks', async () => {
  await target.people(creates(...testPeople(400)))
  await fill(1_200)
  const other = new TestTarget(server)
  const verdicts = await other.people(creates(...testPeople(400)))
  other.close()
  expect(verdicts.every(({ outcome }) => outcome === 'adopted')).toBe(true)
  expect(server.scim.users()).toHaveLength(1_600)
})

test('lets a name go with the account that gave it up', async () => {
  const [made] = await target.people(creates(testPerson(1)))
  const scimId = made && 'scimId' in made ? made.scimId : ''
  const after = testPerson(1, { userName: 'elsewhere@b.example' })
  await target.people([{ op: 'update', id: 'u', scimId, before: testPerson(1), after }])
  const heir = testPerson(2, { userName: testPerson(1).userName })
  expect(await target.people(creates(heir))).toMatchObject([{ outcome: 'done' }])
})

test('looks again before it says that somebody has the name', async () => {
  await target.people(creates(testPerson(1)))
  const [account] = server.scim.users()
  await target.call('DELETE', `/Users/${account?.id}`)
  const heir = testPerson(2, { userName: testPerson(1).userName })
  const [verdict] = await target.people(creates(heir))
  expect(verdict).toMatchObject({ outcome: 'done' })
})

test.each(['externalId', 'userName'] as const)(
  'finds a name in another case although the filter does not: adopt %s',
  async (adopt) => {
    await fill(1_200)
    await target.call('POST', '/Users', { userName: 'person1@district.example' })
    const { behave } = server
    server.behave = (call) =>
      call.path.includes('Person1%40') ? { edit: () => ({ totalResults: 0 }) } : behave(call)
    const other = new TestTarget(server, { adopt })
    const [verdict] = await other.people(creates(testPerson(1)))
    expect(verdict).toMatchObject(
      adopt === 'userName' ? { outcome: 'adopted' } : { code: 'username_conflict' },
    )
    other.close()
    expect(server.scim.users()).toHaveLength(1_201)
  },
)

test('does not take an externalId in another case for ours', async () => {
  await target.call('POST', '/Users', { userName: 'a@b.example', externalId: 'CLEVER:1' })
  await target.people(creates(testPerson(1)))
  expect(server.scim.users().map((one) => one['externalId'])).toEqual(['CLEVER:1', 'clever:1'])
})

test('does not make people twice where nothing is unique and an answer was lost', async () => {
  const poor = await startPoorScim({ isUnique: false })
  const lonely = new TestTarget(poor)
  await lonely.people(creates(...testPeople(20)))
  const again = new TestTarget(poor)
  const verdicts = await again.people(creates(...testPeople(20)))
  expect(verdicts.every(({ outcome }) => outcome === 'adopted')).toBe(true)
  expect(poor.users.size).toBe(20)
  // One map for all of them: three pages of seven.
  const pages = poor.calls.filter((call) => call.startsWith('GET /Users?'))
  expect(pages.length).toBeLessThanOrEqual(1 + 1 + 3)
  lonely.close()
  again.close()
  await poor.close()
})

test('gives up on a target that shows the same page over and over', async () => {
  await fill(30)
  takeAway(server, 'filter')
  const { behave } = server
  server.behave = (call) =>
    isPage(call) ? { edit: (body) => ({ ...body, totalResults: 300 }) } : behave(call)
  target = new TestTarget(server)
  const { behave: paged } = server
  server.behave = (call) =>
    isPage(call) && !call.path.includes('startIndex=1&')
      ? { edit: (body) => ({ ...body, totalResults: 300, Resources: [{ id: '1' }] }) }
      : paged(call)
  await expect(target.people(creates(testPerson(1)))).rejects.toMatchObject({
    code: 'target_failed',
  })
  expect(server.scim.users()).toHaveLength(30)
})
