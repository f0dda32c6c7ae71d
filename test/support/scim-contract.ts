import type { TargetPerson } from '../../core/roster/target.ts'
import { creates, scimIdOf, testPerson, TestTarget, type ScimServer } from './scim.ts'

export type ContractServer = ScimServer & { readonly close: () => Promise<void> }

export type ContractOptions = {
  /** Whether it keeps what of a person goes beyond RFC 7643 §4.1. */
  readonly keepsEnterprise: boolean
  /** Whether two accounts may have one userName. */
  readonly isUnique: boolean
  /** Why the server cannot be had here. */
  readonly missing?: string | undefined
}

/** What a target does with any server that is one: the same orders, and the server read back. */
export function describeScimContract(
  name: string,
  start: () => Promise<ContractServer>,
  { keepsEnterprise, isUnique, missing }: ContractOptions,
): void {
  const suite = missing === undefined ? describe : describe.skip
  const reason = missing === undefined ? '' : ` (skipped: ${missing})`
  suite(`createScimTarget() with ${name}${reason}`, () => {
    let server: ContractServer
    let target: TestTarget

    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => {
      await server.close()
    })
    beforeEach(() => {
      target = new TestTarget(server)
    })
    afterEach(() => {
      target.close()
    })

    const find = async (scimId: string): Promise<TargetPerson | undefined> =>
      (await target.list()).find((one) => one.scimId === scimId)

    test('creates people with all that the server keeps', async () => {
      const people = [1, 2, 3].map((number) => testPerson(number))
      const verdicts = await target.people(creates(...people))
      expect(verdicts).toMatchObject(people.map(() => ({ outcome: 'done', attempts: 1 })))
      const held = await find(scimIdOf(verdicts[1]))
      expect(held).toMatchObject({ externalId: 'clever:2', active: true })
      expect(held?.userName.toLowerCase()).toBe('person2@district.example')
      expect(held?.person.name).toMatchObject({ givenName: 'Given2', familyName: 'Family2' })
      expect(held?.person.emails?.map(({ value }) => value)).toEqual(['Person2@District.example'])
      if (keepsEnterprise) expect(held?.person.enterprise).toMatchObject({ employeeNumber: '2' })
    })

    test('adopts whom it finds by externalId, and makes nobody twice', async () => {
      const before = (await target.list()).length
      const verdicts = await target.people(creates(testPerson(1), testPerson(2), testPerson(4)))
      expect(verdicts.map(({ outcome }) => outcome)).toEqual(['adopted', 'adopted', 'done'])
      expect(await target.list()).toHaveLength(before + 1)
    })

    test('brings whom it adopts to what is wanted', async () => {
      const [created] = await target.people(creates(testPerson(10)))
      const other = new TestTarget(server)
      const renamed = testPerson(10, { displayName: 'Another Name', userName: 'else@b.example' })
      expect(await other.people(creates(renamed))).toMatchObject([{ outcome: 'adopted' }])
      other.close()
      const held = await find(scimIdOf(created))
      expect(held).toMatchObject({ userName: 'else@b.example' })
      expect(held?.person.displayName).toBe('Another Name')
    })

    test('updates what differs, and says when nothing does', async () => {
      const before = testPerson(20)
      const after = testPerson(20, {
        userName: 'new20@district.example',
        name: { givenName: 'New', familyName: 'Family20', middleName: 'Middle' },
        emails: [{ value: 'new20@district.example', primary: true }],
      })
      const [created] = await target.people(creates(before))
      const scimId = scimIdOf(created)
      const order = { op: 'update', id: 'one', scimId, before, after } as const
      expect(await target.people([order])).toMatchObject([{ outcome: 'done', scimId }])
      const same = { ...order, before: after }
      expect(await target.people([same])).toMatchObject([{ outcome: 'unchanged', attempts: 0 }])
      const held = await find(scimId)
      expect(held).toMatchObject({ userName: 'new20@district.example', active: true })
      expect(held?.person.name).toEqual({
        givenName: 'New',
        familyName: 'Family20',
        middleName: 'Middle',
      })
      expect(held?.person.emails?.map(({ value }) => value)).toEqual(['new20@district.example'])
    })

    test('empties the e-mails of whom has none any more', async () => {
      const [before, after] = [testPerson(25), testPerson(25, { emails: [] })]
      const [created] = await target.people(creates(before))
      const scimId = scimIdOf(created)
      const [verdict] = await target.people([{ op: 'update', id: 'e', scimId, before, after }])
      expect(verdict).toMatchObject({ outcome: 'done' })
      expect((await find(scimId))?.person.emails ?? []).toEqual([])
    })

    test('clears what somebody has not any more', async () => {
      const named = { givenName: 'Given', familyName: 'Family' }
      const before = testPerson(31, { name: { ...named, middleName: 'Middle' } })
      const { employeeNumber: _number, ...enterprise } = before.enterprise
      const after = { ...before, name: named, enterprise }
      const [created] = await target.people(creates(before))
      const scimId = scimIdOf(created)
      const update = { op: 'update', id: '31', scimId, before, after } as const
      expect(await target.people([update])).toMatchObject([{ outcome: 'done' }])
      const held = await find(scimId)
      expect(held?.person.name?.middleName ?? '').toBe('')
      expect(held?.person.name).toMatchObject(named)
      expect(held?.person.enterprise?.employeeNumber ?? '').toBe('')
    })

    test('deactivates, and deletes once and twice', async () => {
      const [created] = await target.people(creates(testPerson(30)))
      const at = { id: 'x', scimId: scimIdOf(created) }
      const deactivation = { op: 'deactivate', externalId: 'clever:30', ...at } as const
      expect(await target.people([deactivation])).toMatchObject([{ outcome: 'done' }])
      expect(await find(at.scimId)).toMatchObject({ active: false, externalId: 'clever:30' })
      expect(await target.people([{ op: 'delete', ...at }])).toMatchObject([{ outcome: 'done' }])
      expect(await find(at.scimId)).toBeUndefined()
      expect(await target.people([{ op: 'delete', ...at }])).toMatchObject([{ outcome: 'done' }])
      expect(await target.people([deactivation])).toMatchObject([{ outcome: 'done' }])
    })

    test('makes whom an update does not find there anew', async () => {
      const [before, after] = [testPerson(40), testPerson(40, { displayName: 'Later' })]
      const [created] = await target.people(creates(before))
      const scimId = scimIdOf(created)
      await target.call('DELETE', `/Users/${scimId}`)
      const [verdict] = await target.people([{ op: 'update', id: 'u', scimId, before, after }])
      expect(verdict?.outcome).toBe('done')
      expect(scimIdOf(verdict)).not.toBe(scimId)
      expect((await find(scimIdOf(verdict)))?.person.displayName).toBe('Later')
    })

    test('keeps its hands off an account with another externalId', async () => {
      const body = { schemas: [USER], externalId: 'hr:1', userName: 'person50@district.example' }
      const { id } = await target.call('POST', '/Users', { ...body, active: true })
      const seen = await find(String(id))
      const verdicts = await target.people(creates(testPerson(50)))
      expect(verdicts).toMatchObject([{ outcome: 'failed', code: 'username_conflict' }])
      const lax = new TestTarget(server, { adopt: 'userName' })
      expect(await lax.people(creates(testPerson(50)))).toMatchObject([
        { outcome: 'failed', code: 'username_conflict' },
      ])
      lax.close()
      expect(await find(String(id))).toEqual(seen)
    })

    test('adopts an account without an externalId only where it is told to', async () => {
      const body = { schemas: [USER], userName: 'person60@district.example', active: true }
      const { id } = await target.call('POST', '/Users', body)
      const seen = await find(String(id))
      expect(await target.people(creates(testPerson(60)))).toMatchObject([
        { outcome: 'failed', code: 'username_conflict' },
      ])
      expect(await find(String(id))).toEqual(seen)
      const lax = new TestTarget(server, { adopt: 'userName' })
      expect(await lax.people(creates(testPerson(60)))).toMatchObject([
        { outcome: 'adopted', scimId: String(id) },
      ])
      lax.close()
      expect(await find(String(id))).toMatchObject({ externalId: 'clever:60' })
    })

    if (isUnique) {
      test('tells of an update whose userName somebody has', async () => {
        const [before, taken] = [testPerson(70), testPerson(71)]
        const [created] = await target.people(creates(before, taken))
        const after = { ...before, userName: taken.userName }
        const order = { op: 'update', id: 'u', scimId: scimIdOf(created), before, after } as const
        expect(await target.people([order])).toMatchObject([
          { outcome: 'failed', code: 'username_conflict' },
        ])
      })
    }

    test('sets and takes away entitlements', async () => {
      const [created] = await target.people(creates(testPerson(80)))
      const at = { op: 'entitle', id: 'e', scimId: scimIdOf(created) } as const
      const given = await target.people([{ ...at, entitlements: ['maths', 'reading'] }])
      expect(given).toMatchObject([{ outcome: 'done' }])
      expect(new Set((await find(at.scimId))?.entitlements)).toEqual(new Set(['maths', 'reading']))
      expect(await target.people([{ ...at, entitlements: [] }])).toMatchObject([
        { outcome: 'done' },
      ])
      expect((await find(at.scimId))?.entitlements).toEqual([])
    })

    test('makes, renames, fills, empties and deletes groups', async () => {
      const people = Array.from({ length: 25 }, (_, index) => testPerson(100 + index))
      const ids = (await target.people(creates(...people))).map((one) => scimIdOf(one))
      const before = { externalId: 'clever:s1', displayName: 'Maths 1' }
      const after = { ...before, displayName: 'Maths 2' }
      const [made] = await target.groups([{ op: 'create', id: 'g', after: before }])
      const scimId = scimIdOf(made)
      expect(await target.groups([{ op: 'create', id: 'g', after: before }])).toMatchObject([
        { outcome: 'adopted', scimId },
      ])
      await target.groups([{ op: 'update', id: 'g', scimId, before, after }])
      const small = new TestTarget(server, { batchSize: 10 })
      expect(await small.members([{ id: 'm', scimId, add: ids, remove: [] }])).toMatchObject([
        { outcome: 'done', refused: [] },
      ])
      const order = { id: 'm', scimId, add: [], remove: ids.slice(0, 12) }
      expect(await small.members([order])).toMatchObject([{ outcome: 'done', refused: [] }])
      small.close()
      const group = await target.call('GET', `/Groups/${scimId}`)
      expect(group).toMatchObject({ displayName: 'Maths 2' })
      const members = group['members'] as readonly { readonly value: string }[]
      expect(new Set(members.map(({ value }) => value))).toEqual(new Set(ids.slice(12)))
      const { signal } = new AbortController()
      const page = await target.target.listGroups({ startIndex: 1, count: 20, signal })
      const listed = page.groups.find((one) => one.scimId === scimId)
      expect(listed).toMatchObject({ displayName: 'Maths 2' })
      const read = await target.target.readGroup(scimId, signal)
      expect(new Set(read?.members)).toEqual(new Set(ids.slice(12)))
      // A list may keep members to itself.
      expect(listed?.members ?? read?.members).toEqual(read?.members)
      const deletion = { op: 'delete', id: 'd', scimId } as const
      expect(await target.groups([deletion])).toMatchObject([{ outcome: 'done' }])
      expect(await target.target.readGroup(scimId, signal)).toBeUndefined()
      expect(await target.groups([deletion])).toMatchObject([{ outcome: 'done' }])
      expect(await target.members([order])).toMatchObject([
        { outcome: 'failed', code: 'group_gone' },
      ])
    })

    test('is told of wrong credentials at once', async () => {
      const stranger = new TestTarget({ ...server, token: 'wrong' })
      const orders = creates(...Array.from({ length: 40 }, (_, index) => testPerson(500 + index)))
      await expect(stranger.people(orders)).rejects.toMatchObject({ code: 'target_unauthorized' })
      stranger.close()
    })
  })
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
