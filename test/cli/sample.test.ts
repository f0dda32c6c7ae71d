import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { batchLines, writeSample } from '../../cli/sample.ts'
import { defaultCompacts, type Compact } from '../../core/license/compacts.ts'
import { countLicenseFile, generateLicenseFile } from '../../core/sample/licenses.ts'
import { runCommand, type CommandRun } from '../support/command.ts'

const [aslp] = defaultCompacts as readonly [Compact]

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-sample-'))
})
afterAll(async () => await rm(directory, { recursive: true }))

async function run(...args: readonly string[]): Promise<CommandRun> {
  return await runCommand(['sample', 'licenses', ...args], {})
}

test('sample licenses writes the file of its seed, and the same one again', async () => {
  const [first, again] = [join(directory, 'first.csv'), join(directory, 'again.csv')]
  for (const out of [first, again]) {
    const { code } = await run('--rows', '200', '--seed', '3', '--jurisdiction', 'ky', '--out', out)
    expect(code).toBe(0)
  }
  const file = { compact: aslp, jurisdiction: 'ky', rows: 200, seed: 3 }
  expect(await readFile(first)).toEqual(Buffer.concat([...generateLicenseFile(file)]))
  expect(await readFile(again)).toEqual(await readFile(first))
})

test('sample licenses --json prints what an upload of the file will count', async () => {
  const { code, stdout } = await run('--rows', '500', '--later', '--no-bad-bytes', '--json')
  const file = { compact: aslp, jurisdiction: 'oh', rows: 500, seed: 1, later: true }
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual(countLicenseFile({ ...file, badBytes: false }))
})

test.each([
  ['--compact', 'nope'],
  ['--jurisdiction', 'zz'],
  ['--rows', '0'],
  ['--rows', 'many'],
  ['--seed', '-1'],
  ['--color'],
])('sample licenses refuses %s %s as wrong usage', async (...args) => {
  const { code, stdout, stderr } = await run(...args)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain('error:')
})

test('writeSample() ends quietly when its reader goes away', async () => {
  const target = new PassThrough()
  const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  target.once('data', () => target.destroy(gone))
  const file = { compact: aslp, jurisdiction: 'oh', rows: 5_000, seed: 1 }
  await expect(writeSample(target, file)).resolves.toBeUndefined()
})

test('batchLines() joins lines into buffers of about 64 kB without losing a byte', () => {
  const lines = Array.from({ length: 1_000 }, (_, index) =>
    Buffer.from(`line ${index}\n`.repeat(20)),
  )
  const batches = [...batchLines(lines)]
  expect(batches.length).toBeGreaterThan(1)
  expect(Buffer.concat(batches)).toEqual(Buffer.concat(lines))
})
