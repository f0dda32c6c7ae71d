import { createHttpClient, type HttpClient } from '../../../connectors/http/client.ts'
import { createVaultSecrets } from '../../../connectors/vault/secret-store.ts'
import type { VaultAuth } from '../../../connectors/vault/session.ts'
import type { SecretStore } from '../../../core/secret.ts'
import { silentLog } from '../../support/temporal.ts'
import { TestVault } from '../../support/vault.ts'

const role: VaultAuth = { kind: 'approle', roleId: 'registrar', secretId: 'right-secret-id' }

let vault: TestVault
let http: HttpClient

beforeEach(async () => {
  vault = await TestVault.start()
  http = createHttpClient({ allowPrivateTargets: false, log: silentLog })
})
afterEach(async () => {
  http.close()
  await vault.close()
})

function open(auth: VaultAuth = { kind: 'token', token: vault.rootToken }): SecretStore {
  const { url } = vault
  return createVaultSecrets({ url, mount: 'secret', auth, http, nowMs: () => vault.nowMs })
}

function countCalls(call: string): number {
  return vault.calls.filter((one) => one === call).length
}

test('a secret is set, found, listed without its value, and removed', async () => {
  const store = open()
  expect(await store.find('ldap')).toBeUndefined()
  expect(await store.list()).toEqual([])
  await store.set('ldap', 'first')
  await store.set('ldap', 'pässwörd')
  await store.set('auth0', 'other')
  expect(await store.find('ldap')).toBe('pässwörd')
  const updatedAt = new Date(vault.nowMs)
  expect(await store.list()).toEqual([
    { name: 'auth0', updatedAt },
    { name: 'ldap', updatedAt },
  ])
  expect(await store.remove('ldap')).toBe(true)
  expect(await store.remove('ldap')).toBe(false)
  expect(await store.find('ldap')).toBeUndefined()
})

test('a secret that was deleted elsewhere is neither found nor listed', async () => {
  vault.put('gone', { value: 'was there' })
  vault.softDelete('gone')
  expect(await open().find('gone')).toBeUndefined()
  expect(await open().list()).toEqual([])
})

test('a secret is the field value, or the only field there is', async () => {
  vault.put('one', { password: 'alone' })
  vault.put('two', { value: 'this', user: 'me' })
  vault.put('three', { user: 'me', password: 'which' })
  expect(await open().find('one')).toBe('alone')
  expect(await open().find('two')).toBe('this')
  await expect(open().find('three')).rejects.toMatchObject({ code: 'secret_unreadable' })
})

test('a role logs in once, and renews its token when half of its time is over', async () => {
  vault.put('ldap', { value: 'x' })
  const store = open(role)
  await store.find('ldap')
  await store.find('ldap')
  expect(countCalls('POST auth/approle/login')).toBe(1)
  vault.nowMs += 31_000
  await store.find('ldap')
  vault.nowMs += 40_000
  expect(await store.find('ldap')).toBe('x')
  expect(countCalls('POST auth/approle/login')).toBe(1)
  expect(countCalls('POST auth/token/renew-self')).toBe(2)
})

test('a role logs in anew when its token was revoked or has ended', async () => {
  vault.put('ldap', { value: 'x' })
  const store = open(role)
  await store.find('ldap')
  vault.revokeAll()
  expect(await store.find('ldap')).toBe('x')
  vault.nowMs += 61_000
  expect(await store.find('ldap')).toBe('x')
  expect(countCalls('POST auth/approle/login')).toBe(3)
})

test('a token that ends is renewed as well', async () => {
  vault.put('ldap', { value: 'x' })
  const store = open({ kind: 'token', token: vault.issueToken() })
  for (let round = 0; round < 4; round += 1) {
    expect(await store.find('ldap')).toBe('x')
    vault.nowMs += 35_000
  }
})

test.each<[string, VaultAuth]>([
  ['a token', { kind: 'token', token: 'canary-token' }],
  ['a role', { ...role, secretId: 'canary-secret-id' }],
])('%s that is refused is said to be, without it', async (_, auth) => {
  const refused = open(auth).find('ldap')
  await expect(refused).rejects.toMatchObject({ code: 'secrets_refused' })
  await expect(refused).rejects.not.toThrow(/canary/)
})

test('a store that is sealed or away is unavailable, and used again when it is back', async () => {
  vault.put('ldap', { value: 'x' })
  const store = open(role)
  vault.isSealed = true
  await expect(store.find('ldap')).rejects.toMatchObject({ code: 'secrets_unavailable' })
  vault.isSealed = false
  expect(await store.find('ldap')).toBe('x')
  const away = createVaultSecrets({
    url: 'http://127.0.0.1:9',
    mount: 'secret',
    auth: role,
    http,
    nowMs: Date.now,
  })
  await expect(away.find('ldap')).rejects.toMatchObject({ code: 'secrets_unavailable' })
})
