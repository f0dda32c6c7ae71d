import { join } from 'node:path'
import { z } from 'zod'
import {
  listRegistrarProcesses,
  spawnRegistrar,
  startRegistrar,
  stopRegistrar,
  type RegistrarProcess,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

const TIMEOUT_MS = 90_000
const NONE = { services: [], postgres: [], temporal: [] }

let scratch: ScratchDir
let dataDir: string

beforeAll(async () => {
  scratch = await createScratchDir('demo')
  dataDir = join(scratch.path, 'data')
})
afterAll(async () => await scratch.remove())

const summarySchema = z.object({
  ok: z.boolean(),
  steps: z.array(
    z.object({
      name: z.string(),
      outcome: z.string(),
      rows: z.object({ read: z.number(), accepted: z.number(), rejected: z.number() }).optional(),
    }),
  ),
  temporalUiUrl: z.string(),
})

function demo(...args: readonly string[]): RegistrarProcess {
  return spawnRegistrar(['demo', '--port', '0', '--data-dir', dataDir, '--rows', '300', ...args])
}

test(
  'demo does the main job, checks its outcome, shows a table and leaves nothing running',
  async () => {
    const { ended, stdout } = await demo('--exit').result
    const summary = stdout.slice(stdout.lastIndexOf('┌'))
    expect(ended).toBe(0)
    expect(summary).toMatch(/step.*outcome.*rows read.*accepted.*rejected.*duration/)
    expect(summary.match(/as expected/g)).toHaveLength(7)
    expect(summary).toMatch(/API docs +http:\/\/127\.0\.0\.1:\d+\/docs/)
    expect(stdout).toMatch(/line \d+: /)
    expect(stdout).toContain('refused, four_eyes')
    expect(stdout).toMatch(/by another one: can log in\n.*plain signal .*: can log in/)
    await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
  },
  TIMEOUT_MS,
)

test(
  'a second demo uses the Registrar that runs already, as another board, and lets it run',
  async () => {
    const registrar = await startRegistrar(dataDir)
    try {
      const { ended, stdout, stderr } = await demo('--json').result
      const { ok, steps } = summarySchema.parse(JSON.parse(stdout))
      expect({ ended, ok }).toEqual({ ended: 0, ok: true })
      expect(stderr).toContain(`pid ${registrar.pid}`)
      expect(stderr).toContain('aslp-ak-first.csv')
      const rows = steps.flatMap((step) => step.rows ?? [])
      expect(rows.map(({ accepted, rejected }) => accepted + rejected)).toEqual(
        rows.map(({ read }) => read),
      )
      const answer = await fetch(`${registrar.run.apiUrl}/healthz`)
      expect(answer.status).toBe(200)
    } finally {
      await stopRegistrar(registrar)
    }
  },
  TIMEOUT_MS,
)

test(
  'an interrupted demo stops everything and does not claim success',
  async () => {
    const interrupted = demo('--exit')
    interrupted.process.stdout?.once('data', () => interrupted.process.kill('SIGINT'))
    const { ended } = await interrupted.result
    expect(ended).toBe(130)
    await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
  },
  TIMEOUT_MS,
)

test.each([
  ['--rows', '10'],
  ['--rows', 'all'],
  ['--port', '70000'],
])('demo refuses %s %s as wrong usage', async (...args) => {
  const { ended, stdout } = await spawnRegistrar(['demo', ...args]).result
  expect(ended).toBe(2)
  expect(stdout).toBe('')
})
