import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { watchPublishers } from '../../config/publishers-file.ts'
import { isAppError } from '../../core/errors.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'

let publishers: TestPublishers
let dataDir: string
const lines: string[] = []
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })

beforeAll(async () => {
  publishers = await createTestPublishers()
  dataDir = await mkdtemp(join(tmpdir(), 'registrar-publishers-file-'))
})
afterAll(async () => {
  await publishers.close()
  await rm(dataDir, { recursive: true })
})

test('a changed file takes effect by itself, a broken one leaves the publishers as they were', async () => {
  const { file: publishersFile, document } = publishers
  const watched = await watchPublishers({ publishersFile, dataDir, production: true }, log)
  const names = async (): Promise<string[]> => Object.keys((await watched.current()).publicJwks)
  expect(await names()).toContain('hris')
  const { hris: _, ...others } = document.publishers
  await writeFile(publishersFile, JSON.stringify({ ...document, publishers: others }))
  await waitUntil('the file was read again', async () => !(await names()).includes('hris'))
  await writeFile(publishersFile, '{"salt": ""}')
  await waitUntil(
    'the broken file is refused',
    async () => await Promise.resolve(lines.some((line) => line.includes('has no salt'))),
  )
  expect(await names()).toContain('ldap')
  await writeFile(publishersFile, JSON.stringify({ ...document, salt: 'another' }))
  await waitUntil(
    'the file with another salt is refused',
    async () => await Promise.resolve(lines.some((line) => line.includes('another salt'))),
  )
  expect((await watched.current()).salt).toBe(document.salt)
  await writeFile(publishersFile, JSON.stringify(document))
  await waitUntil('the file was read again', async () => (await names()).includes('hris'))
  watched.close()
})

test('without a file one is made in the data directory when it is first asked for, once', async () => {
  const config = { publishersFile: undefined, dataDir, production: false }
  const [one, other] = [await watchPublishers(config, log), await watchPublishers(config, log)]
  const file = join(dataDir, 'publishers.json')
  await expect(stat(file)).rejects.toThrow('ENOENT')
  const [first, second] = await Promise.all([one.current(), other.current()])
  expect(second.salt).toBe(first.salt)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ salt: first.salt })
  one.close()
  other.close()
})

test('in production without a file nothing is made, and changes are refused with the remedy', async () => {
  const config = { publishersFile: undefined, dataDir: join(dataDir, 'none'), production: true }
  const watched = await watchPublishers(config, log)
  const failure: unknown = await watched.current().catch((error: unknown) => error)
  expect(isAppError(failure, 'publishers_not_configured') && failure.status).toBe(503)
})
