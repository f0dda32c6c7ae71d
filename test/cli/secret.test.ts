import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { loadConfig } from '../../config/config.ts'
import { loadKeyRing } from '../../config/key-ring-file.ts'
import { createFieldCipher } from '../../crypto/field-cipher.ts'
import { createSecretTable } from '../../db/secrets.ts'
import { runCommand, type CommandRun } from '../support/command.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TestVault } from '../support/vault.ts'

let database: TestDatabase
let directory: string
let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
  database = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'registrar-secret-'))
  const sink = {
    name: 'partner',
    kind: 'webhook',
    url: 'http://127.0.0.1:9/hook',
    secret: { secret: 'partner-hook' },
    events: ['license.*'],
  }
  await writeFile(join(directory, 'sinks.json'), JSON.stringify([sink]))
})
afterAll(async () => {
  await vault.close()
  await rm(directory, { recursive: true })
  await database.close()
})

type Run = {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Readable
}

/** A terminal on which these keys are hit; `modes` are those that it was put in. */
function createTerminal(keys: string): { readonly stdin: Readable; readonly modes: boolean[] } {
  const modes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => void modes.push(isRaw),
  })
  stdin.write(keys)
  return { stdin, modes }
}

async function run(
  args: readonly string[],
  { input = '', env = {}, stdin: given = Readable.from([input]) }: Run = {},
): Promise<CommandRun> {
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')
  Object.defineProperty(process, 'stdin', { value: given, configurable: true })
  try {
    return await runCommand(args, {
      DATABASE_URL: database.url,
      DATA_DIR: directory,
      SINKS_FILE: join(directory, 'sinks.json'),
      ...env,
    })
  } finally {
    if (stdin) Object.defineProperty(process, 'stdin', stdin)
  }
}

const inVault = (): Readonly<Record<string, string>> => ({
  DATABASE_URL: 'postgres://127.0.0.1:9/none',
  VAULT_URL: vault.url,
  VAULT_TOKEN: vault.rootToken,
})

test.each([
  ['on the database', (): Readonly<Record<string, string>> => ({})],
  ['on a Vault, without a database', inVault],
])('secret set, list and remove work %s', async (_, toEnv) => {
  const env = toEnv()
  const missing = await run(['secret', 'list', '--json'], { env })
  expect(JSON.parse(missing.stdout)).toEqual({ secrets: [], missing: ['partner-hook'] })
  const set = await run(['secret', 'set', 'partner-hook', '--json'], {
    input: 'whsec_Y2FuYXJ5\n',
    env,
  })
  expect([set.code, JSON.parse(set.stdout)]).toEqual([0, { name: 'partner-hook', stored: true }])
  const list = await run(['secret', 'list', '--json'], { env })
  expect(JSON.parse(list.stdout)).toEqual({
    secrets: [{ name: 'partner-hook', updatedAt: expect.any(String) as string, used: true }],
    missing: [],
  })
  for (const { stdout, stderr } of [set, list]) expect(stdout + stderr).not.toContain('whsec_')
  const removed = await run(['secret', 'remove', 'partner-hook', '--json'], { env })
  expect([removed.code, JSON.parse(removed.stdout)]).toEqual([
    0,
    { name: 'partner-hook', removed: true },
  ])
  const again = await run(['secret', 'remove', 'partner-hook'], { env })
  expect([again.code, again.stdout]).toEqual([1, ''])
  expect(again.stderr).toContain('there is none')
})

test('a value is asked for on a terminal, and not shown', async () => {
  const { stdin, modes } = createTerminal('whsec_Y2FuYXJ5X\u007f\r')
  const { code, stdout, stderr } = await run(['secret', 'set', 'typed'], { stdin })
  expect([code, stderr]).toEqual([0, 'Value of typed: \n'])
  expect(stdout).not.toContain('whsec_')
  // The terminal itself shows nothing while it is in raw mode.
  expect(modes).toEqual([true, false])
  const cipher = createFieldCipher(await loadKeyRing(loadConfig({ DATA_DIR: directory })))
  const store = createSecretTable({ db: database.db, cipher, actor: 'test' })
  expect(await store.find('typed')).toBe('whsec_Y2FuYXJ5')
})

test.each([
  ['Ctrl-C', 'half\u0003'],
  ['Ctrl-D', '\u0004'],
])('nothing is stored when the question is left with %s', async (_, keys) => {
  const { stdin, modes } = createTerminal(keys)
  const { code } = await run(['secret', 'set', 'left'], { stdin })
  expect(code).toBe(2)
  expect(modes.at(-1)).toBe(false)
  const list = await run(['secret', 'list', '--json'])
  expect(list.stdout).not.toContain('"left"')
})

test.each([
  ['a value as an argument', ['secret', 'set', 'one', 'value'], 'value'],
  ['no value', ['secret', 'set', 'one'], ''],
  ['a name that is none', ['secret', 'set', 'a/b'], 'value'],
  ['no name', ['secret', 'remove'], ''],
])('secret ends with 2 on %s', async (_, args, input) => {
  const { code, stdout, stderr } = await run(args, { input })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).not.toBe('')
})

type Parts = {
  readonly parts: readonly { readonly name: string; readonly remedy: string | null }[]
}

async function examine(): Promise<Map<string, string | null>> {
  const { stdout } = await run(['doctor', '--json'])
  const { parts } = JSON.parse(stdout) as Parts
  return new Map(parts.map(({ name, remedy }) => [name, remedy]))
}

test('doctor says what is wrong with a sink and its secret', async () => {
  const before = await examine()
  expect(before.get('secrets')).toMatch(/registrar secret set NAME.*missing: partner-hook/)
  expect(before.get('sink partner')).toMatch(/there is no secret "partner-hook"/)
  await run(['secret', 'set', 'partner-hook'], { input: 'whsec_Y2FuYXJ5' })
  const after = await examine()
  expect(after.get('secrets')).toBeNull()
  expect(after.get('sink partner')).toMatch(/SINKS_FILE \(ECONNREFUSED\)/)
})
