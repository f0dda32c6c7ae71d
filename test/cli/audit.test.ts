import { copyFile, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendSampleEntries } from '../support/audit.ts'
import { runCommand, type CommandRun } from '../support/command.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let directory: string
let exported: string

beforeAll(async () => {
  database = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'registrar-audit-'))
  exported = join(directory, 'log.jsonl')
})
afterAll(async () => {
  await rm(directory, { recursive: true })
  await database.close()
})

async function run(...args: readonly string[]): Promise<CommandRun> {
  return await runCommand(args, { DATABASE_URL: database.url, DATA_DIR: join(directory, 'data') })
}

// As on another machine: no database, and another data directory.
async function runElsewhere(...args: readonly string[]): Promise<CommandRun> {
  return await runCommand(args, { DATA_DIR: join(directory, 'elsewhere') })
}

test('audit verify seals what is not sealed and counts it', async () => {
  await appendSampleEntries(database.db, 1_200)
  const { code, stdout } = await run('audit', 'verify', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, entries: 1_200, seals: 2, unsealed: 0 })
})

test('audit export writes entries and seals that audit verify accepts', async () => {
  await appendSampleEntries(database.db, 3)
  const { code, stdout } = await run('audit', 'export', exported, '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ file: exported, entries: 1_203, seals: 3 })
  const lines = (await readFile(exported, 'utf8')).trimEnd().split('\n')
  expect(lines).toHaveLength(1_206)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ kind: 'entry', seq: 1 })
  expect(JSON.parse(lines[1_000] ?? '')).toMatchObject({ kind: 'seal', from: 1, to: 1_000 })
  expect((await stat(exported)).mode & 0o777).toBe(0o600)
  const verified = await run('audit', 'verify', exported)
  expect(verified.stdout).toMatch(
    /^The audit log holds: 1203 entries, 3 seals, head [0-9a-f]{64}\n$/,
  )
  expect(verified.code).toBe(0)
})

test('audit verify names the entry of an export that was altered', async () => {
  const altered = join(directory, 'altered.jsonl')
  const text = await readFile(exported, 'utf8')
  await writeFile(altered, text.replace(/("seq":701,.*?"actor":")board/, '$1bored'))
  const { code, stdout } = await run('audit', 'verify', altered)
  expect(stdout).toBe('Entry 701 does not hold: it was altered\n')
  expect(code).toBe(1)
})

test('audit verify --keys checks an export on another machine', async () => {
  const keys = join(directory, 'keys.json')
  await copyFile(join(directory, 'data', 'audit-keys.jwks.json'), keys)
  const { code, stdout } = await runElsewhere('audit', 'verify', exported, '--keys', keys, '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, entries: 1_203 })
})

test('audit verify asks for keys where it has none', async () => {
  const { code, stdout, stderr } = await runElsewhere('audit', 'verify', exported)
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^error: Cannot check the export: there are no keys in .* --keys\n$/)
  await expect(readdir(join(directory, 'elsewhere'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test.each([
  ['an export', ['audit', 'verify', 'absent.jsonl']],
  ['keys', ['audit', 'verify', 'absent.jsonl', '--keys', 'absent.jsonl']],
])('audit verify names %s that cannot be read', async (_what, args) => {
  const { code, stderr } = await run(...args)
  expect(code).toBe(1)
  expect(stderr).toBe('error: Cannot read "absent.jsonl": there is no such readable file\n')
})

test.each([
  ['an export', (path: string) => ['audit', 'verify', path]],
  ['keys', (path: string) => ['audit', 'verify', exported, '--keys', path]],
])('audit verify takes no directory for %s', async (_what, toArgs) => {
  const { code, stderr } = await run(...toArgs(directory))
  expect(code).toBe(1)
  expect(stderr).toBe(`error: Cannot read "${directory}": there is no such readable file\n`)
})

test.each([
  ['absent/log.jsonl', 'there is no such file or directory'],
  ['', 'it is a directory'],
])('audit export names the file that it cannot write as it was given', async (name, reason) => {
  const path = join(directory, name)
  const { code, stderr } = await run('audit', 'export', path)
  expect(code).toBe(1)
  expect(stderr).toBe(`error: Cannot use "${path}": ${reason}\n`)
})

test('audit verify says that a key file is none', async () => {
  const { code, stderr } = await run('audit', 'verify', exported, '--keys', exported)
  expect(code).toBe(1)
  expect(stderr).toBe(`error: Cannot read keys from "${exported}": it is no JWKS\n`)
})

test('keys rotate and keys status tell of the current key', async () => {
  const rotated = await run('keys', 'rotate', '--json')
  expect(rotated.code).toBe(0)
  const { current } = JSON.parse(rotated.stdout) as { current: string }
  const { code, stdout } = await run('keys', 'status', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    keys: [{ id: current, inRing: true, current: true, values: { sealKeys: 1 }, droppable: false }],
  })
})

test('audit verify names the entry of the database that was altered', async () => {
  await database.db.query(`update audit_entries set action = 'x' where seq in (5, 900)`)
  const { code, stdout } = await run('audit', 'verify', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toEqual({ ok: false, seq: 5, reason: 'it was altered' })
})
