import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  findStartTime,
  hasEnded,
  listProcessesIn,
  listProcessesWithArgument,
  stopChild,
  stopProcess,
} from '../../../cli/embedded/processes.ts'

const STUBBORN = `process.on('SIGTERM', () => {}); process.stdout.write('.'); setInterval(() => {}, 1000)`
const DOCILE = `process.stdout.write('.'); setInterval(() => {}, 1000)`

test('findStartTime() tells a live process from one that is gone', async () => {
  const child = await start(DOCILE)
  const started = await findStartTime(child.pid ?? 0)
  expect(started).toBeDefined()
  await expect(findStartTime(child.pid ?? 0)).resolves.toBe(started)
  await stopChild(child, { signal: 'SIGKILL', graceMs: 1_000 })
  await expect(findStartTime(child.pid ?? 0)).resolves.toBeUndefined()
})

test('listProcessesWithArgument() finds whole arguments only', async () => {
  const mark = `--mark=${randomUUID()}`
  const child = await start(DOCILE, { mark })
  const other = await start(DOCILE, { mark: `${mark}-longer` })
  await expect(listProcessesWithArgument(mark)).resolves.toEqual([child.pid])
  await stopChild(child, { signal: 'SIGKILL', graceMs: 1_000 })
  await stopChild(other, { signal: 'SIGKILL', graceMs: 1_000 })
  await expect(listProcessesWithArgument(mark)).resolves.toEqual([])
})

test('listProcessesIn() finds the processes that work in a folder', async () => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'registrar-cwd-')))
  const child = await start(DOCILE, { cwd: directory })
  const found = await listProcessesIn(directory)
  await stopChild(child, { signal: 'SIGKILL', graceMs: 1_000 })
  await rm(directory, { recursive: true })
  expect([undefined, [child.pid]]).toContainEqual(found)
})

test.each([
  ['asks first', DOCILE, 'SIGTERM'],
  ['kills what does not listen', STUBBORN, 'SIGKILL'],
])('stopChild() and stopProcess() %s', async (_, script, signal) => {
  const children = [await start(script), await start(script)] as const
  const options = { signal: 'SIGTERM', graceMs: 200 } as const
  const exits = children.map(async (child) => await once(child, 'exit'))
  await stopChild(children[0], options)
  await stopProcess(children[1].pid ?? 0, options)
  await Promise.all(exits)
  expect(children.map((child) => child.signalCode)).toEqual([signal, signal])
  expect(children.map(hasEnded)).toEqual([true, true])
})

async function start(
  script: string,
  { mark = '', cwd = '.' }: { mark?: string; cwd?: string } = {},
): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', script, '--', mark], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  return child
}
