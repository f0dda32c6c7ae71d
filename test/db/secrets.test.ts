import { createFieldCipher } from '../../crypto/field-cipher.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { rotateKeys } from '../../db/keys/rotation.ts'
import { createSecretTable } from '../../db/secrets.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const before = generateKeyRingDocument()
const after = generateKeyRingDocument()
const oldRing = createKeyRing(before)
const bothRing = createKeyRing({ ...after, keys: { ...before.keys, ...after.keys } })
const newRing = createKeyRing(after)

let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => await database.close())

function open(ring = oldRing): ReturnType<typeof createSecretTable> {
  return createSecretTable({ db: database.db, cipher: createFieldCipher(ring), actor: 'cli' })
}

test('a secret is set, replaced, listed and removed, and each change is audited by name', async () => {
  await open().set('ldap', 'first')
  await open().set('ldap', 'canary-value')
  expect(await open().find('ldap')).toBe('canary-value')
  expect(await open().find('other')).toBeUndefined()
  expect(await open().list()).toEqual([{ name: 'ldap', updatedAt: expect.any(Date) as Date }])
  expect(await open().remove('ldap')).toBe(true)
  expect(await open().remove('ldap')).toBe(false)
  const { rows } = await database.db.query<{ action: string; id: string }>(
    'select action, subject_id as id from audit_entries order by seq',
  )
  expect(rows).toEqual([
    { action: 'secret.set', id: 'ldap' },
    { action: 'secret.set', id: 'ldap' },
    { action: 'secret.removed', id: 'ldap' },
  ])
})

test('a stored value is encrypted, and bound to its name', async () => {
  await open().set('one', 'canary-value')
  const { rows } = await database.db.query<{ text: string }>(
    `select encode(value_cipher, 'escape') as text from connector_secrets`,
  )
  expect(rows).toHaveLength(1)
  expect(rows[0]?.text).not.toContain('canary')
  await database.db.query(`update connector_secrets set name = 'two'`)
  await expect(open().find('two')).rejects.toMatchObject({ code: 'undecryptable' })
})

test('rotateKeys() brings secrets under the new key', async () => {
  await open().set('ldap', 'stays')
  const counts = await rotateKeys(database.db, { ring: bothRing, actor: 'cli' })
  expect(counts).toMatchObject({ connectorSecrets: 1 })
  expect(await open(newRing).find('ldap')).toBe('stays')
})
