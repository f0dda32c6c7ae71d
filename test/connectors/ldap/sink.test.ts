import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import type { Client, Entry } from 'ldapts'
import type { Content } from '../../support/profiles.ts'
import { joinGroup, leaveGroup } from '../../../connectors/ldap/groups.ts'
import { createLdapSink, type LdapSinkOptions } from '../../../connectors/ldap/sink.ts'
import { isAppError } from '../../../core/errors.ts'
import type { LeafPath } from '../../../core/profile/attributes.ts'
import type { ProfileSink, SinkDelivery } from '../../../core/profile/sink.ts'
import { createCertificate } from '../../support/certificate.ts'
import { createTestProfile } from '../../support/profiles.ts'
import { findSlapd, startSlapd, type TestSlapd } from '../../support/slapd.ts'

const program = await findSlapd()
const suite = 'path' in program ? describe : describe.skip
const title = 'path' in program ? 'the LDAP sink' : `the LDAP sink (skipped: ${program.missing})`

suite(title, () => {
  let slapd: TestSlapd
  let client: Client
  let sink: ProfileSink
  const open: ProfileSink[] = []
  const { signal } = new AbortController()

  beforeAll(async () => {
    slapd = await startSlapd('path' in program ? program.path : '')
    client = await slapd.connect()
    sink = createSink()
  })
  afterAll(async () => {
    for (const one of open) await one.close()
    await client.unbind()
    await slapd.close()
  })

  function createSink(options: Partial<LdapSinkOptions> = {}): ProfileSink {
    const { baseDn, url, bindDn, bindPassword } = slapd
    const created = createLdapSink({
      name: 'directory',
      url,
      startTls: false,
      bindDn,
      bindPassword,
      userDn: `uid={user_id},ou=people,${baseDn}`,
      inactiveDn: `ou=inactive,${baseDn}`,
      groupDn: `cn={group},ou=groups,${baseDn}`,
      objectClasses: ['inetOrgPerson', 'ldapPublicKey'],
      attributes: {
        cn: '{first_name} {last_name}',
        sn: '{last_name}',
        givenName: '{first_name}',
        mail: '{primary_email}',
        title: '{staff_information.title}',
        sshPublicKey: '{ssh_public_keys}',
      },
      scopes: new Set(['read:fullprofile', 'display:all']),
      ...options,
    })
    open.push(created)
    return created
  }

  function deliveryOf(
    contents: Record<LeafPath, Content>,
    rest: Partial<SinkDelivery> = {},
  ): SinkDelivery {
    const profile = createTestProfile({ contents })
    const userId = contents['user_id'] as string // every test gives one
    const base = { profileId: 'p', userId, profile, isDeleted: false, serial: 1 }
    return { ...base, updatedAt: new Date(), ...rest }
  }

  async function findAll(filter = '(objectClass=inetOrgPerson)'): Promise<Entry[]> {
    const found = await client.search(slapd.baseDn, { scope: 'sub', filter })
    return found.searchEntries
  }

  async function findPerson(userId: string): Promise<Entry | undefined> {
    const entries = await findAll()
    return entries.find(({ uid }) => uid === userId)
  }

  async function groupsOf(dn: string): Promise<string[]> {
    const groups = await findAll('(objectClass=groupOfNames)')
    return groups
      .filter(({ member }) => [member].flat().includes(dn))
      .map(({ cn }) => String(cn))
      .toSorted()
  }

  const person = (
    id: string,
    contents: Record<LeafPath, Content> = {},
  ): Record<LeafPath, Content> => ({
    user_id: id,
    first_name: 'Ada',
    last_name: 'Byron',
    'access_information.ldap': { vpn: null },
    ...contents,
  })

  test('makes an entry, reads it back, and writes nothing the second time', async () => {
    const delivery = deliveryOf(person('made', { ssh_public_keys: { one: 'ssh-a', two: 'ssh-b' } }))
    expect(await sink.compare(delivery, signal)).toBe('missing')
    expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
    expect(await findPerson('made')).toMatchObject({
      dn: `uid=made,ou=people,${slapd.baseDn}`,
      cn: 'Ada Byron',
      sn: 'Byron',
      sshPublicKey: ['ssh-a', 'ssh-b'],
    })
    expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: false })
    expect(await sink.compare(delivery, signal)).toBe('same')
  })

  test('changes what differs, removes what is empty, and gives required ones the user id', async () => {
    await sink.deliver(deliveryOf(person('changed')), signal)
    const bare = person('changed', {
      last_name: null,
      first_name: null,
      'staff_information.title': null,
    })
    await sink.deliver(deliveryOf(bare), signal)
    const entry = await findPerson('changed')
    expect(entry).toMatchObject({ cn: 'changed', sn: 'changed' })
    expect(entry?.['title']).toBeUndefined()
    expect(entry?.['givenName']).toBeUndefined()
  })

  test('adopts an entry that stands where the person should, with what it has besides', async () => {
    const dn = `uid=adopted,ou=people,${slapd.baseDn}`
    await client.add(dn, {
      objectClass: ['inetOrgPerson'],
      uid: 'adopted',
      cn: 'x',
      sn: 'x',
      description: 'kept',
    })
    await sink.deliver(deliveryOf(person('adopted')), signal)
    expect(await findPerson('adopted')).toMatchObject({ cn: 'Ada Byron', description: 'kept' })
  })

  test('keeps groups: made with their first member, deleted with their last', async () => {
    const groups = (names: Record<string, null>): Record<LeafPath, Content> =>
      person('grouped', { 'access_information.ldap': names })
    const dn = `uid=grouped,ou=people,${slapd.baseDn}`
    await sink.deliver(deliveryOf(groups({ alpha: null, beta: null })), signal)
    expect(await groupsOf(dn)).toEqual(['alpha', 'beta'])
    await sink.deliver(deliveryOf(groups({ beta: null, gamma: null })), signal)
    expect(await groupsOf(dn)).toEqual(['beta', 'gamma'])
    const names = (await findAll('(objectClass=groupOfNames)')).map(({ cn }) => cn)
    expect(names).not.toContain('alpha')
  })

  test.each([false, true])(
    'whoever joins a group as its last member leaves is in it afterwards (made anew: %j)',
    async (isMadeAnew) => {
      const groupDn = `cn={group},ou=groups,${slapd.baseDn}`
      const group = { dn: `cn=race,ou=groups,${slapd.baseDn}`, name: 'race' }
      const [leaver, joiner, third] = ['l', 'j', 't'].map((uid) => `uid=${uid},${slapd.baseDn}`)
      const groups = { client, groupDn }
      await joinGroup(groups, group, leaver ?? '')
      let steps = 0
      const racing = {
        modify: client.modify.bind(client),
        search: client.search.bind(client),
        async modifyDN(from: string, to: string) {
          steps += 1
          if (steps === 1) await joinGroup(groups, group, joiner ?? '')
          if (steps === 2 && isMadeAnew) await joinGroup(groups, group, third ?? '')
          await client.modifyDN(from, to)
        },
        async del(dn: string) {
          if (steps === 0) await joinGroup(groups, group, joiner ?? '')
          await client.del(dn)
        },
      } as unknown as Client // no more of it is used
      await leaveGroup({ client: racing, groupDn }, group.dn, leaver ?? '')
      const found = await findAll('(objectClass=groupOfNames)')
      const named = (dn: string | undefined): string[] =>
        found.filter(({ member }) => [member].flat().includes(dn ?? '')).map((entry) => entry.dn)
      expect(named(joiner)).toEqual([group.dn])
      expect(named(leaver)).toEqual([])
      await client.del(group.dn)
    },
  )

  test('moves an inactive person out of sight and out of the groups, and back again', async () => {
    const state = (active: boolean): SinkDelivery => deliveryOf(person('moved', { active }))
    await sink.deliver(state(true), signal)
    await sink.deliver(state(false), signal)
    const away = await findPerson('moved')
    expect(away?.dn).toBe(`uid=moved,ou=inactive,${slapd.baseDn}`)
    expect(await groupsOf(String(away?.dn))).toEqual([])
    await sink.deliver(state(true), signal)
    const back = await findPerson('moved')
    expect(back?.dn).toBe(`uid=moved,ou=people,${slapd.baseDn}`)
    expect(await groupsOf(String(back?.dn))).toEqual(['vpn'])
  })

  test('moves an inactive person whatever it may see of them', async () => {
    const blind = createSink({ scopes: new Set(['display:public']) })
    const state = (active: boolean): SinkDelivery => deliveryOf(person('unseen', { active }))
    await blind.deliver(state(true), signal)
    expect(await findPerson('unseen')).toMatchObject({ cn: 'unseen', sn: 'unseen' })
    await blind.deliver(state(false), signal)
    expect((await findPerson('unseen'))?.dn).toBe(`uid=unseen,ou=inactive,${slapd.baseDn}`)
  })

  test('leaves no second entry of an inactive person where active ones are', async () => {
    const state = (active: boolean): SinkDelivery => deliveryOf(person('twice', { active }))
    await sink.deliver(state(false), signal)
    const dn = `uid=twice,ou=people,${slapd.baseDn}`
    await client.add(dn, { objectClass: ['inetOrgPerson'], uid: 'twice', cn: 'x', sn: 'x' })
    expect(await sink.compare(state(false), signal)).toBe('different')
    expect(await sink.deliver(state(false), signal)).toEqual({ state: 'succeeded', wrote: true })
    const found = (await findAll()).filter(({ uid }) => uid === 'twice')
    expect(found.map((entry) => entry.dn)).toEqual([`uid=twice,ou=inactive,${slapd.baseDn}`])
  })

  test('without a place for inactive persons changes nothing but what is mapped', async () => {
    const plain = createSink({ inactiveDn: undefined })
    await plain.deliver(deliveryOf(person('stays', { active: false })), signal)
    expect((await findPerson('stays'))?.dn).toBe(`uid=stays,ou=people,${slapd.baseDn}`)
  })

  test('removes a deleted person and their memberships', async () => {
    const contents = person('gone', { 'access_information.ldap': { solo: null } })
    await sink.deliver(deliveryOf(contents), signal)
    const deletion = deliveryOf(contents, { isDeleted: true })
    expect(await sink.compare(deletion, signal)).toBe('extra')
    expect(await sink.deliver(deletion, signal)).toEqual({ state: 'succeeded', wrote: true })
    expect(await findPerson('gone')).toBeUndefined()
    expect(await findAll('(cn=solo)')).toEqual([])
    expect(await sink.deliver(deletion, signal)).toEqual({ state: 'succeeded', wrote: false })
  })

  test.each([
    'ad|Mozilla-LDAP|plain',
    'comma, plus+ "quotes" <angles>; equals=',
    '#leading hash and trailing space ',
    ' leading space',
    'back\\slash and (paren*)',
    'ou=people,dc=example,dc=com',
    'naïve-日本語',
  ])('takes the hostile user id %j as one name', async (userId) => {
    const delivery = deliveryOf(person(userId))
    expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
    expect(await sink.compare(delivery, signal)).toBe('same')
    await sink.deliver({ ...delivery, isDeleted: true }, signal)
    expect(await sink.compare({ ...delivery, isDeleted: true }, signal)).toBe('same')
  })

  test('an adopted entry keeps what the schema demands and the settings do not speak of', async () => {
    const frugal = createSink({ attributes: { mail: '{primary_email}' } })
    const dn = `uid=frugal,ou=people,${slapd.baseDn}`
    const objectClass = ['inetOrgPerson', 'ldapPublicKey']
    await client.add(dn, { objectClass, uid: 'frugal', cn: 'F. Rugal', sn: 'Rugal' })
    const email = { primary_email: 'frugal@example.com' }
    await frugal.deliver(deliveryOf(person('frugal', email)), signal)
    expect(await findPerson('frugal')).toMatchObject({
      cn: 'F. Rugal',
      sn: 'Rugal',
      mail: email.primary_email,
    })
  })

  test.each(['comma, plus+', 'equals=', '#hash', ' leading space', 'back\\slash', 'naïve-日本語'])(
    'knows a membership of the hostile group %j again',
    async (group) => {
      const delivery = deliveryOf(
        person('member', { 'access_information.ldap': { [group]: null } }),
      )
      expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
      const alone = deliveryOf(person('member', { 'access_information.ldap': { other: null } }))
      expect(await sink.deliver(alone, signal)).toEqual({ state: 'succeeded', wrote: true })
      expect(await groupsOf(`uid=member,ou=people,${slapd.baseDn}`)).toEqual(['other'])
    },
  )

  test('what the directory refuses of a person is final, and says nothing of them', async () => {
    const strict = createSink({
      attributes: {
        cn: '{first_name}',
        sn: '{last_name}',
        employeeNumber: 'x',
        uidNumber: '{user_id}',
      },
    })
    const failure: unknown = await strict
      .deliver(deliveryOf(person('refused')), signal)
      .catch((error: unknown) => error)
    expect(isAppError(failure) && [failure.status, failure.code]).toEqual([
      422,
      expect.stringMatching(/^ldap_/),
    ])
    expect(String(failure)).not.toContain('refused,')
  })

  test.each([
    ['StartTLS', (): Partial<LdapSinkOptions> => ({ startTls: true, caFile: slapd.caFile })],
    ['LDAPS', (): Partial<LdapSinkOptions> => ({ url: slapd.tlsUrl, caFile: slapd.caFile })],
  ])('speaks %s with a certificate that it can verify', async (_, options) => {
    const secure = createSink(options())
    await secure.deliver(deliveryOf(person('secure')), signal)
    expect(await findPerson('secure')).toBeDefined()
  })

  test('sends nothing to a directory whose certificate it cannot verify', async () => {
    const { cert } = await createCertificate('localhost')
    const caFile = join(tmpdir(), `registrar-wrong-ca-${process.pid}.pem`)
    await writeFile(caFile, cert)
    for (const options of [
      { startTls: true, caFile },
      { url: slapd.tlsUrl, caFile },
    ]) {
      const failure: unknown = await createSink(options)
        .deliver(deliveryOf(person('insecure')), signal)
        .catch((error: unknown) => error)
      expect(isAppError(failure) && failure.status).toBe(502)
    }
    expect(await findPerson('insecure')).toBeUndefined()
  })

  test('a directory that is away is tried again, and reached when it is back', async () => {
    slapd.kill()
    const delivery = deliveryOf(person('later'))
    const failure: unknown = await sink.deliver(delivery, signal).catch((error: unknown) => error)
    expect(isAppError(failure) && [failure.status, failure.code]).toEqual([
      502,
      'directory_unreachable',
    ])
    await slapd.start()
    client = await slapd.connect()
    expect(await sink.deliver(delivery, signal)).toEqual({ state: 'succeeded', wrote: true })
  })
})
