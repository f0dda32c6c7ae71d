import type { Client } from 'ldapts'
import { Attribute, Change } from 'ldapts'
import { createLdapSource, type LdapSourceOptions } from '../../../connectors/ldap/source.ts'
import type { ProfileSource, SourceRow } from '../../../core/source/source.ts'
import { findSlapd, startSlapd, type TestSlapd } from '../../support/slapd.ts'

const program = await findSlapd()
const suite = 'path' in program ? describe : describe.skip
const title =
  'path' in program ? 'the LDAP source' : `the LDAP source (skipped: ${program.missing})`

suite(title, () => {
  let slapd: TestSlapd
  let client: Client
  let source: ProfileSource
  const open: ProfileSource[] = []

  beforeAll(async () => {
    slapd = await startSlapd('path' in program ? program.path : '')
    client = await slapd.connect()
    source = createSource()
    for (let number = 1; number <= 7; number += 1) await addPerson(number)
    await client.add(`cn=all,ou=groups,${slapd.baseDn}`, {
      objectClass: ['groupOfNames'],
      cn: 'all',
      member: [1, 2].map((number) => `UID=person${number}, ou=People,${slapd.baseDn}`),
    })
  })
  afterAll(async () => {
    for (const one of open) await one.close()
    await client.unbind()
    await slapd.close()
  })

  function createSource(change: Partial<LdapSourceOptions> = {}): ProfileSource {
    const { baseDn, url, bindDn, bindPassword } = slapd
    const created = createLdapSource({
      name: 'directory',
      publisher: 'ldap',
      guard: { count: 1, share: 0 },
      url,
      startTls: false,
      bindDn,
      bindPassword,
      baseDn: `ou=people,${baseDn}`,
      filter: '(objectClass=inetOrgPerson)',
      groupsBaseDn: `ou=groups,${baseDn}`,
      pageSize: 3,
      userId: 'ad|Mozilla-LDAP|{uid}',
      attributes: { primary_email: 'MAIL', last_name: 'sn', ssh_public_keys: 'sshPublicKey' },
      ...change,
    })
    open.push(created)
    return created
  }

  async function addPerson(number: number): Promise<void> {
    await client.add(`uid=person${number},ou=people,${slapd.baseDn}`, {
      objectClass: ['inetOrgPerson', 'ldapPublicKey'],
      uid: `person${number}`,
      cn: `Person ${number}`,
      sn: `Ünïcode ${number}`,
      mail: `person${number}@example.org`,
      sshPublicKey: ['ssh-rsa second', 'ssh-rsa first'],
    })
  }

  async function read(
    since?: string,
    from = source,
  ): Promise<{ rows: SourceRow[]; batches: number; next: string | undefined }> {
    const rows: SourceRow[] = []
    let batches = 0
    const next = await from.read({
      since,
      now: new Date(),
      signal: new AbortController().signal,
      async onRows(batch) {
        batches += 1
        rows.push(...batch)
        await Promise.resolve()
      },
    })
    return { rows, batches, next }
  }

  test('reads everybody page by page, with their groups', async () => {
    const { rows, batches } = await read()
    expect(batches).toBeGreaterThanOrEqual(3)
    expect(rows).toHaveLength(7)
    expect(rows.find(({ key }) => key === 'ad|Mozilla-LDAP|person1')).toEqual({
      key: 'ad|Mozilla-LDAP|person1',
      contents: {
        user_id: 'ad|Mozilla-LDAP|person1',
        active: true,
        primary_email: 'person1@example.org',
        last_name: 'Ünïcode 1',
        ssh_public_keys: { 'LDAP-1': 'ssh-rsa first', 'LDAP-2': 'ssh-rsa second' },
        'access_information.ldap': { all: null },
      },
    })
    const third = rows.find(({ key }) => key === 'ad|Mozilla-LDAP|person3')
    expect(third?.contents?.['access_information.ldap']).toEqual({})
  })

  test('reads again only what has changed', async () => {
    const { next } = await read()
    await aSecondLater()
    await modify('uid=person4,ou=people', 'sn', ['Other'])
    const { rows, next: after } = await read(next)
    const changed = rows.filter(({ contents }) => contents?.['last_name'] === 'Other')
    expect(changed.map(({ key }) => key)).toEqual(['ad|Mozilla-LDAP|person4'])
    expect((await read(after)).rows.map(({ key }) => key)).toEqual(['ad|Mozilla-LDAP|person4'])
  })

  test('reads everybody once a group has changed', async () => {
    const { next } = await read()
    await aSecondLater()
    await modify('cn=all,ou=groups', 'member', [`uid=person2,ou=people,${slapd.baseDn}`])
    const { rows } = await read(next)
    expect(rows).toHaveLength(7)
    const first = rows.find(({ key }) => key === 'ad|Mozilla-LDAP|person1')
    expect(first?.contents?.['access_information.ldap']).toEqual({})
  })

  test('an entry without what the user id is made of is a row that says so', async () => {
    const { rows } = await read(undefined, createSource({ userId: '{employeeNumber}' }))
    expect(rows[0]).toEqual({ fault: 'no_user_id' })
  })

  test('fails where the directory does, and goes on afterwards', async () => {
    await expect(
      read(undefined, createSource({ baseDn: 'ou=nowhere,dc=example,dc=com' })),
    ).rejects.toMatchObject({ code: 'ldap_32' })
    slapd.kill()
    await expect(read()).rejects.toMatchObject({ status: 502 })
    await slapd.start()
    expect((await read()).rows).toHaveLength(7)
  })

  async function modify(rdn: string, type: string, values: string[]): Promise<void> {
    const modification = new Attribute({ type, values })
    await client.modify(
      `${rdn},${slapd.baseDn}`,
      new Change({ operation: 'replace', modification }),
    )
  }

  // The timestamps of a directory are whole seconds.
  async function aSecondLater(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1_100))
  }
})
