import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findRunFile, removeRunFile, writeRunFile } from '../../cli/run-file.ts'

const RUN = {
  pid: 1,
  apiUrl: 'http://127.0.0.1:8080',
  temporalAddress: '127.0.0.1:7233',
  temporalNamespace: 'default',
  temporalUiUrl: null,
  databaseUrl: 'postgres://localhost/registrar',
}

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-run-'))
})
afterEach(async () => await rm(directory, { recursive: true }))

test('writeRunFile() writes what findRunFile() reads, for its owner alone', async () => {
  await writeRunFile(directory, RUN)
  await expect(findRunFile(directory)).resolves.toEqual(RUN)
  await expect(readdir(directory)).resolves.toEqual(['run.json'])
  const { mode } = await stat(join(directory, 'run.json'))
  expect(mode & 0o777).toBe(0o600)
})

test('findRunFile() finds nothing where there is no file, or another one', async () => {
  await expect(findRunFile(directory)).resolves.toBeUndefined()
  await writeFile(join(directory, 'run.json'), '{"pid":')
  await expect(findRunFile(directory)).resolves.toBeUndefined()
  await removeRunFile(directory)
  await expect(removeRunFile(directory)).resolves.toBeUndefined()
})
