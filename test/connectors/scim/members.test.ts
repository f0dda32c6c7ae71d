import {
  startMisbehavingScim,
  takeAway,
  type MisbehavingScim,
  type ScimCall,
} from '../../support/misbehaving-scim.ts'
import { scimIdOf, TestTarget } from '../../support/scim.ts'

let server: MisbehavingScim
let target: TestTarget
let scimId: string

const members = (): unknown[] => {
  const held = server.scim.groups()[0]?.['members'] as { readonly value: string }[] | undefined
  return (held ?? []).map(({ value }) => value)
}
const names = (count: number, prefix = 'm'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
const writes = (): ScimCall[] => server.calls.filter(({ method }) => method !== 'GET')

beforeEach(async () => {
  server = await startMisbehavingScim()
  takeAway(server, 'bulk')
  target = new TestTarget(server)
  const after = { externalId: 'clever:g', displayName: 'Group' }
  const [made] = await target.groups([{ op: 'create', id: 'g', after }])
  scimId = scimIdOf(made)
  server.calls.length = 0
})
afterEach(async () => {
  target.close()
  await server.close()
})

/** Refuses every write that names one of these members. */
function refuse(refused: readonly string[], status: number): void {
  server.behave = ({ method, body }) => {
    if (method === 'GET') return undefined
    const text = JSON.stringify(body)
    // Inside of a path the quotes are escaped.
    const isNamed = refused.some((one) => new RegExp(`"${one}\\\\?"`).test(text))
    return isNamed ? { status } : undefined
  }
}

test('changes members a batch at a time', async () => {
  const order = { id: 'g', scimId, add: names(250), remove: [] }
  expect(await target.members([order])).toMatchObject([{ outcome: 'done', refused: [] }])
  expect(members()).toEqual(names(250))
  expect(writes()).toHaveLength(3)
  const back = { id: 'g', scimId, add: ['new'], remove: names(150) }
  expect(await target.members([back])).toMatchObject([{ outcome: 'done', refused: [] }])
  expect(new Set(members())).toEqual(new Set([...names(250).slice(150), 'new']))
})

test.each([400, 404, 409, 422, 500])(
  'applies the others when one is refused with %i',
  async (status) => {
    refuse(['m13', 'm77'], status)
    const [verdict] = await target.members([{ id: 'g', scimId, add: names(100), remove: [] }])
    expect(verdict).toMatchObject({
      outcome: 'done',
      refused: [
        { member: 'm13', code: `http_${status}` },
        { member: 'm77', code: `http_${status}` },
      ],
    })
    expect(members()).toHaveLength(98)
    // Two paths down a tree of a hundred leaves; what fails is tried three times.
    expect(writes().length).toBeLessThan(status === 500 ? 80 : 35)
  },
)

test('applies the others without PATCH as well', async () => {
  takeAway(server, 'bulk', 'patch')
  const { behave } = server
  server.behave = (call) => {
    const isRefused = call.method === 'PUT' && JSON.stringify(call.body).includes('"m13"')
    return isRefused ? { status: 400 } : behave(call)
  }
  target = new TestTarget(server)
  const [verdict] = await target.members([{ id: 'g', scimId, add: names(20), remove: [] }])
  expect(verdict).toMatchObject({ refused: [{ member: 'm13', code: 'http_400' }] })
  expect(members()).toHaveLength(19)
  expect(writes().every(({ method }) => method === 'PUT')).toBe(true)
  expect(server.scim.groups()[0]).toMatchObject({ displayName: 'Group', externalId: 'clever:g' })
})

test('writes nothing by PUT when the members are as they should be', async () => {
  await target.members([{ id: 'g', scimId, add: names(3), remove: [] }])
  takeAway(server, 'bulk', 'patch')
  target = new TestTarget(server)
  server.calls.length = 0
  const [verdict] = await target.members([{ id: 'g', scimId, add: names(3), remove: ['x'] }])
  expect(verdict).toMatchObject({ outcome: 'unchanged' })
  expect(writes()).toEqual([])
})

test('takes who is no member for removed', async () => {
  server.behave = ({ method, body }) =>
    method === 'PATCH' && JSON.stringify(body).includes('gone')
      ? { status: 400, body: { scimType: 'noTarget' } }
      : undefined
  await target.members([{ id: 'g', scimId, add: ['a', 'b'], remove: [] }])
  const [verdict] = await target.members([{ id: 'g', scimId, add: [], remove: ['a', 'gone', 'b'] }])
  expect(verdict).toMatchObject({ outcome: 'done', refused: [] })
  expect(members()).toEqual([])
})

test('tells when a member cannot be removed', async () => {
  await target.members([{ id: 'g', scimId, add: ['a', 'b'], remove: [] }])
  refuse(['a'], 409)
  const [verdict] = await target.members([{ id: 'g', scimId, add: [], remove: ['a', 'b'] }])
  expect(verdict).toMatchObject({ outcome: 'failed', code: 'http_409' })
  expect(members()).toEqual(['a'])
})

test('names the version where a target wants to hear it', async () => {
  server.behave = ({ method, headers }) => {
    if (method === 'GET') return { edit: (body) => ({ ...body, meta: { version: 'W/"3"' } }) }
    return headers['if-match'] === 'W/"3"' ? undefined : { status: 428 }
  }
  const [verdict] = await target.members([{ id: 'g', scimId, add: ['a'], remove: [] }])
  expect(verdict).toMatchObject({ outcome: 'done' })
  expect(members()).toEqual(['a'])
})

test('removes and adds a member whose id has quotes and a slash', async () => {
  const id = 'a/"b"\\c'
  await target.members([{ id: 'g', scimId, add: [id, 'other'], remove: [] }])
  await target.members([{ id: 'g', scimId, add: [], remove: [id] }])
  expect(members()).toEqual(['other'])
})
