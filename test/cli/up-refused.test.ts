import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { findRunFile } from '../../cli/run-file.ts'
import { findDataDirHolder } from '../../cli/data-dir-lock.ts'
import { findFreePort } from '../../cli/embedded/ports.ts'
import { waitForDatabase } from '../../cli/outside-database.ts'
import {
  listRegistrarProcesses,
  spawnRegistrar,
  startRegistrar,
  stopRegistrar,
} from '../support/registrar-process.ts'
import { waitUntil } from '../support/polling.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

const NONE = { services: [], postgres: [], temporal: [] }

let scratch: ScratchDir
let dataDir: string

beforeEach(async () => {
  scratch = await createScratchDir('refused')
  dataDir = join(scratch.path, 'data')
})
afterEach(async () => await scratch.remove())

test('up ends with 1 naming DATABASE_URL, but not its password, where that does not work', async () => {
  const url = new URL(process.env['TEST_POSTGRES_URL'] ?? '')
  url.pathname = '/no_such_database'
  const { ended, stderr } = await runUp({ DATABASE_URL: url.href })
  expect(ended).toBe(1)
  expect(stderr).toContain('DATABASE_URL')
  expect(stderr).toContain('it has no such database')
  expect(stderr).not.toContain(url.password)
  await expect(findDataDirHolder(dataDir)).resolves.toBeUndefined()
})

test('waitForDatabase() gives up on a server that is away, after its patience', async () => {
  const url = `postgres://user:canary@127.0.0.1:${await findFreePort()}/registrar`
  const failure: unknown = await waitForDatabase(url, { patienceMs: 0 }).catch(
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({ code: 'database_unavailable' })
  expect(String(failure)).toContain('ECONNREFUSED')
  expect(String(failure)).not.toContain('canary')
})

test('up ends with 1 naming every wrong setting', async () => {
  const { ended, stdout, stderr } = await runUp({ LOG_LEVEL: 'loud', REGISTRAR_PORT: '1' })
  expect([ended, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/LOG_LEVEL[^]*REGISTRAR_PORT/)
})

test('up ends with 1 naming every fault of sinks and sources, stored secrets apart', async () => {
  const sinks = join(scratch.path, 'sinks.json')
  const sources = join(scratch.path, 'sources.json')
  const hook = { secret: { secret: 'not-stored-yet' }, events: ['license.*'] }
  await writeFile(
    sinks,
    JSON.stringify([
      { name: 'one', kind: 'ldap' },
      { name: 'two', kind: 'webhook', url: 'https://partner.example/', ...hook },
    ]),
  )
  await writeFile(sources, '[{"name":"three","kind":"hris","publisher":"hris"}]')
  const { ended, stdout, stderr } = await runUp({ SINKS_FILE: sinks, SOURCES_FILE: sources })
  expect([ended, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/SINKS_FILE[^]*one: url[^]*one: bindDn[^]*SOURCES_FILE[^]*three: url/)
  expect(stderr).not.toMatch(/not-stored-yet/)
})

test('up ends with 1 in production without an issuer of tokens', async () => {
  const { ended, stderr } = await runUp({ NODE_ENV: 'production' })
  expect(ended).toBe(1)
  expect(stderr).toContain('AUTH_ISSUERS')
})

test('up ends with 1 naming the Temporal server when that cannot be started', async () => {
  const cli = join(scratch.path, 'temporal')
  await writeFile(
    cli,
    '#!/bin/sh\n[ "$1" = --version ] && exec echo temporal version 1.9.1\nexit 1\n',
  )
  await chmod(cli, 0o755)
  const { ended, stderr } = await runUp({ TEMPORAL_CLI_PATH: cli })
  expect(ended).toBe(1)
  expect(stderr).toContain('Cannot start the Temporal server')
  await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
})

test('up ends with 1 naming the port when another has it, and leaves nothing behind', async () => {
  const other = createServer()
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
  const { port } = other.address() as AddressInfo // it listens on TCP
  const { ended, stderr } = await runUp({ PORT: String(port) })
  await new Promise((done) => other.close(done))
  expect(ended).toBe(1)
  expect(stderr).toContain(String(port))
  await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
  await expect(findRunFile(dataDir)).resolves.toBeUndefined()
})

test('up that is stopped while it starts ends with 0 and leaves no process', async () => {
  const started = spawnRegistrar(['up', '--port', '0', '--data-dir', dataDir])
  await waitUntil('PostgreSQL starts', async () => {
    const { postgres } = await listRegistrarProcesses(dataDir)
    return postgres.length > 0
  })
  const { ended } = await stopRegistrar(started)
  expect(ended).toBe(0)
  await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
})

test("up works in a directory of mode 0700 below somebody's private folder", async () => {
  await mkdir(dataDir, { mode: 0o700 })
  await chmod(scratch.path, 0o700)
  const registrar = await startRegistrar(dataDir)
  const { ended } = await stopRegistrar(registrar)
  expect(ended).toBe(0)
})

async function runUp(
  env: Readonly<Record<string, string>>,
): Promise<{ ended: unknown; stdout: string; stderr: string }> {
  const port = env['PORT'] === undefined ? ['--port', '0'] : []
  return await spawnRegistrar(['up', ...port, '--data-dir', dataDir], { env }).result
}
