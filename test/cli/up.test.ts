import { readFile, stat } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { findRunFile } from '../../cli/run-file.ts'
import {
  listRegistrarProcesses,
  spawnRegistrar,
  startRegistrar,
  stopRegistrar,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

const NONE = { services: [], postgres: [], temporal: [] }

let scratch: ScratchDir
let dataDir: string
let registrar: RunningRegistrar

beforeAll(async () => {
  scratch = await createScratchDir('up')
  dataDir = join(scratch.path, 'data')
  registrar = await startRegistrar(dataDir)
})
afterAll(async () => {
  registrar.process.kill('SIGKILL')
  await scratch.remove()
})

test('up starts one of each part, on loopback', async () => {
  const { services, postgres, temporal } = await listRegistrarProcesses(dataDir)
  expect([services.length, postgres.length, temporal.length]).toEqual([2, 1, 1])
  const { run } = registrar
  for (const address of [run.apiUrl, run.databaseUrl, `http://${run.temporalAddress}`]) {
    expect(new URL(address).hostname).toBe('127.0.0.1')
  }
})

test.each([
  ['api', 0],
  ['worker', 5],
])('up lets the %s yield to others by %i at least', async (command, niceness) => {
  const { services } = await listRegistrarProcesses(dataDir)
  const commands = await Promise.all(
    services.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')),
  )
  const pid = services[commands.findIndex((words) => words.includes(command))]
  expect(getPriority(pid)).toBeGreaterThanOrEqual(niceness)
})

test('up says in run.json where its parts are, to its owner alone', async () => {
  const { run } = registrar
  expect(Object.keys(run).toSorted()).toEqual(
    [
      'pid',
      'apiUrl',
      'temporalAddress',
      'temporalNamespace',
      'temporalUiUrl',
      'databaseUrl',
    ].toSorted(),
  )
  expect(run).toMatchObject({ pid: registrar.pid, temporalNamespace: 'default' })
  const { mode } = await stat(join(dataDir, 'run.json'))
  expect(mode & 0o777).toBe(0o600)
})

test('up serves the Temporal UI, which asks our API to decode payloads', async () => {
  const { temporalUiUrl, apiUrl } = registrar.run
  const answer = await fetch(`${temporalUiUrl}/api/v1/settings`)
  await expect(answer.json()).resolves.toMatchObject({
    Codec: { Endpoint: `${apiUrl}/v1/codec` },
  })
})

test('a second up in the same directory ends with 1, names the pid and disturbs nobody', async () => {
  const second = spawnRegistrar(['up', '--port', '0', '--data-dir', dataDir])
  const { ended, stdout, stderr } = await second.result
  expect(ended).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toContain(`process ${registrar.pid} is using it`)
  await expect(findRunFile(dataDir)).resolves.toMatchObject({ pid: registrar.pid })
  const ready = await fetch(`${registrar.run.apiUrl}/readyz`)
  expect(ready.status).toBe(200)
})

test('a token of the local issuer opens the API, and no token does not', async () => {
  const args = ['token', '--subject', 'tester', '--scope', 'aslp/read', '--data-dir', dataDir]
  const { stdout } = await spawnRegistrar(args).result
  const url = `${registrar.run.apiUrl}/v1/uploads`
  const answers = await Promise.all([
    fetch(url, { headers: { authorization: `Bearer ${stdout.trim()}` } }),
    fetch(url),
  ])
  expect(answers[0].status).not.toBe(401)
  expect(answers[1].status).toBe(401)
})

test('doctor finds every part reachable while up runs', async () => {
  const { ended, stdout } = await spawnRegistrar(['doctor', '--json', '--data-dir', dataDir]).result
  const report = JSON.parse(stdout) as {
    ok: boolean
    parts: { name: string; reachable: boolean }[]
  }
  expect(report.parts.map(({ name, reachable }) => [name, reachable])).toEqual([
    ['postgres', true],
    ['migrations', true],
    ['temporal', true],
    ['blob', true],
    ['issuer', true],
    ['keys', true],
  ])
  expect([report.ok, ended]).toEqual([true, 0])
})

test('migrate works beside a running up', async () => {
  const { ended, stdout } = await spawnRegistrar(['migrate', '--json', '--data-dir', dataDir])
    .result
  expect([ended, JSON.parse(stdout)]).toEqual([0, { applied: [] }])
})

test('SIGTERM ends up with 0 within 10 s, and leaves no process and no run.json', async () => {
  const startedMs = Date.now()
  const { ended, stdout } = await stopRegistrar(registrar)
  expect(ended).toBe(0)
  expect(Date.now() - startedMs).toBeLessThan(10_000)
  expect(stdout).toContain('Registrar is ready')
  await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
  await expect(findRunFile(dataDir)).resolves.toBeUndefined()
})

test('migrate starts the embedded database where no up runs, and stops it again', async () => {
  const { ended, stdout } = await spawnRegistrar(['migrate', '--json', '--data-dir', dataDir])
    .result
  expect([ended, JSON.parse(stdout)]).toEqual([0, { applied: [] }])
  await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
})

test('doctor names the remedy for what does not run', async () => {
  const { ended, stdout } = await spawnRegistrar(['doctor', '--data-dir', dataDir]).result
  expect(ended).toBe(1)
  expect(stdout).toContain('postgres: start it with "registrar up"')
})
