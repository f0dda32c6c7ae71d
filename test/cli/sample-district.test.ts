import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { openOneRosterCsv } from '../../connectors/oneroster/csv-source.ts'
import type { RosterSourceSettings } from '../../connectors/roster/settings.ts'
import { runCommand } from '../support/command.ts'
import {
  applyEntries,
  createLoopbackClient,
  listState,
  openSource,
  pull,
} from '../support/roster-servers.ts'

const main = resolve('dist/cli/main.js')

let child: ChildProcess | undefined

afterEach(async () => {
  if (!child || child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
})

async function serve(...args: readonly string[]): Promise<RosterSourceSettings> {
  child = spawn(process.execPath, [main, 'sample', 'district', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  if (!child.stdout) throw new Error('its stdout is a pipe')
  for await (const line of createInterface(child.stdout)) {
    text += line
    if (line === '}') break
  }
  return JSON.parse(text) as RosterSourceSettings
}

test.each([['clever'], ['oneroster'], ['oneroster', '--oneroster', '1.1']])(
  'sample district --kind %s serves what its settings read, until it is stopped',
  async (...kind) => {
    const settings = await serve('--kind', ...kind, '--users', '50', '--seed', '4')
    const http = createLoopbackClient()
    const state = applyEntries(new Map(), (await pull(openSource(settings, { http }))).entries)
    http.close()
    expect(listState(state, 'users')).toHaveLength(50)
    child?.kill('SIGINT')
    const [code] = (await once(child as ChildProcess, 'exit')) as [number]
    expect(code).toBe(0)
  },
)

test('sample district --csv writes an archive that can be read', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-district-'))
  const file = join(directory, 'roster.zip')
  const { code } = await runCommand(['sample', 'district', '--users', '50', '--csv', file], {})
  expect(code).toBe(0)
  const source = await openOneRosterCsv(file)
  const state = applyEntries(new Map(), (await pull(source)).entries)
  source.close()
  expect(listState(state, 'users')).toHaveLength(50)
  await rm(directory, { recursive: true })
})

test.each([
  ['--kind', 'moodle'],
  ['--oneroster', '2.0'],
  ['--users', '0'],
  ['--users', '1000001'],
  ['--port', 'x'],
])('sample district refuses %s %s as wrong usage', async (...args) => {
  const { code, stdout } = await runCommand(['sample', 'district', ...args], {})
  expect(code).toBe(2)
  expect(stdout).toBe('')
})
