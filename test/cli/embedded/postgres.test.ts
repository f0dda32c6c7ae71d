import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../cli/embedded/postgres.ts'
import { hasEnded, listProcessesWithArgument } from '../../../cli/embedded/processes.ts'
import { waitUntil } from '../../support/polling.ts'
import { createScratchDir, type ScratchDir } from '../../support/scratch.ts'

let scratch: ScratchDir
let directory: string
let server: EmbeddedPostgres

beforeAll(async () => {
  scratch = await createScratchDir('postgres')
  directory = join(scratch.path, 'postgres')
  server = await start()
})
afterAll(async () => {
  await server.stop()
  await scratch.remove()
})

test('startEmbeddedPostgres() keeps what was committed through kill -9, whoever has its pid now', async () => {
  await query('create table kept as select 7 as value')
  server.process.kill('SIGKILL')
  await waitUntil('it is gone', async () => await Promise.resolve(hasEnded(server.process)))
  await writeFile(join(directory, 'cluster', 'postmaster.pid'), `${process.pid}\n`)
  server = await start()
  await expect(query('select value from kept')).resolves.toEqual([{ value: 7 }])
})

test('startEmbeddedPostgres() stops a server on the same data instead of starting one beside it', async () => {
  const first = server
  server = await start()
  expect(hasEnded(first.process)).toBe(true)
  await expect(listProcessesWithArgument(join(directory, 'cluster'))).resolves.toEqual([
    server.process.pid,
  ])
  await expect(query('select value from kept')).resolves.toEqual([{ value: 7 }])
})

test('startEmbeddedPostgres() writes no statement and no value to its log', async () => {
  await expect(query(`select 'canary'::int`)).rejects.toThrow('invalid input syntax')
  await expect(query('select canary from kept')).rejects.toThrow('does not exist')
  const log = await readFile(join(directory, 'server.log'), 'utf8')
  expect(log).toContain('database system is ready')
  expect(log).not.toContain('canary')
})

test('startEmbeddedPostgres() gives up when it is told to', async () => {
  const signal = AbortSignal.abort()
  const elsewhere = join(scratch.path, 'other')
  await expect(startEmbeddedPostgres({ directory: elsewhere, signal })).rejects.toMatchObject({
    code: 'postgres_start_failed',
  })
  await expect(listProcessesWithArgument(join(elsewhere, 'cluster'))).resolves.toEqual([])
})

test('startEmbeddedPostgres() names the two versions when another one made the data', async () => {
  const other = join(scratch.path, 'old')
  const made = await startEmbeddedPostgres({ directory: other })
  await made.stop()
  await writeFile(join(other, 'cluster', 'PG_VERSION'), '13\n')
  await expect(startEmbeddedPostgres({ directory: other })).rejects.toMatchObject({
    code: 'postgres_version_mismatch',
    message: expect.stringContaining('PostgreSQL 13') as string,
  })
})

async function start(): Promise<EmbeddedPostgres> {
  return await startEmbeddedPostgres({ directory, settings: ['fsync=off'] })
}

async function query(text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}
