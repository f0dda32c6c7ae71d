import { loadConfig, type Config } from '../../config/config.ts'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { createSecretTable } from '../../db/secrets.ts'
import { closeOutside, openOutside, type Outside } from '../../workers/outside.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { silentLog } from '../support/temporal.ts'
import { TestVault } from '../support/vault.ts'

const cipher = createFieldCipher(createKeyRing(generateKeyRingDocument()))
const sinks = ['one', 'two'].map((name) => ({
  name,
  kind: 'webhook' as const,
  url: 'https://partner.example/hook',
  secret: { secret: `hook-${name}` },
  events: ['license.*'],
}))
const directory = {
  name: 'directory',
  kind: 'ldap' as const,
  url: 'ldap://directory.example',
  bindDn: 'cn=admin',
  bindPassword: { secret: 'ldap' },
  userDn: 'uid={user_id}',
}
const people = {
  name: 'people',
  kind: 'hris' as const,
  publisher: 'hris' as const,
  url: 'https://hris.example/report',
  user: 'me',
  password: { secret: 'hris' },
}

let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => await database.close())

async function open(change: Partial<Config> = {}): Promise<Outside> {
  const config = { ...loadConfig({}), sinks: [...sinks, directory], sources: [people], ...change }
  return await openOutside({ config, log: silentLog, db: database.db, cipher })
}

async function store(values: Readonly<Record<string, string>>): Promise<void> {
  const table = createSecretTable({ db: database.db, cipher, actor: 'cli' })
  for (const [name, value] of Object.entries(values)) await table.set(name, value)
}

const all = { 'hook-one': 'whsec_b25l', 'hook-two': 'whsec_dHdv', ldap: 'bind', hris: 'pull' }

test('openOutside() fills in stored secrets', async () => {
  await store(all)
  const outside = await open()
  expect(outside.webhookSinks.map(({ secret }) => secret)).toEqual(['whsec_b25l', 'whsec_dHdv'])
  await closeOutside(outside)
})

test('openOutside() lists every secret that is missing', async () => {
  await store({ ldap: 'bind' })
  await expect(open({ sources: [] })).rejects.toMatchObject({
    code: 'invalid_configuration',
    details: {
      faults: [
        'one: there is no secret "hook-one": see "registrar secret set --help"',
        'two: there is no secret "hook-two": see "registrar secret set --help"',
      ],
    },
  })
})

test('refreshSecrets() opens anew what uses a changed secret, and nothing else', async () => {
  await store(all)
  const outside = await open()
  const [directoryBefore, peopleBefore] = [
    outside.sinks.get('directory'),
    outside.sources.get('people'),
  ]
  expect(await outside.refreshSecrets()).toEqual([])
  await store({ 'hook-two': 'whsec_bmV3', hris: 'other' })
  expect(await outside.refreshSecrets()).toEqual(['two', 'people'])
  expect(outside.webhookSinks.map(({ secret }) => secret)).toEqual(['whsec_b25l', 'whsec_bmV3'])
  expect(outside.sinks.get('directory')).toBe(directoryBefore)
  expect(outside.sources.get('people')).not.toBe(peopleBefore)
  await store({ ldap: 'other' })
  expect(await outside.refreshSecrets()).toEqual(['directory'])
  expect(outside.sinks.get('directory')).not.toBe(directoryBefore)
  expect(await outside.refreshSecrets()).toEqual([])
  await closeOutside(outside)
})

test('refreshSecrets() keeps all as it is when a secret has gone', async () => {
  await store(all)
  const outside = await open()
  await createSecretTable({ db: database.db, cipher, actor: 'cli' }).remove('hook-one')
  await store({ 'hook-two': 'whsec_bmV3' })
  await expect(outside.refreshSecrets()).rejects.toMatchObject({ code: 'invalid_configuration' })
  expect(outside.webhookSinks.map(({ secret }) => secret)).toEqual(['whsec_b25l', 'whsec_dHdv'])
  await closeOutside(outside)
})

test('openOutside() reads from a Vault where one is configured', async () => {
  const vault = await TestVault.start()
  vault.put('hook-one', { value: 'whsec_dmF1bHQ=' })
  const outside = await open({
    vault: { url: vault.url, mount: 'secret', auth: { kind: 'token', token: vault.rootToken } },
    sinks: sinks.slice(0, 1),
    sources: [],
  })
  expect(outside.webhookSinks).toMatchObject([{ secret: 'whsec_dmF1bHQ=' }])
  await closeOutside(outside)
  await vault.close()
})
