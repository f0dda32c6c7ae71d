import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { startDemoAuth0, type DemoAuth0 } from '../../cli/demo/stand-ins/auth0.ts'
import { findExisting } from '../../cli/demo/stand-ins/places.ts'
import { slapdPlaces } from '../../cli/demo/stand-ins/slapd.ts'
import { listProcessesWithArgument } from '../../cli/embedded/processes.ts'
import {
  listRegistrarProcesses,
  spawnRegistrar,
  startRegistrar,
  stopRegistrar,
  type RegistrarProcess,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

const TIMEOUT_MS = 400_000
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
      surprises: z.array(z.string()),
      reason: z.string().optional(),
      rows: z.object({ read: z.number(), accepted: z.number(), rejected: z.number() }).optional(),
    }),
  ),
  temporalUiUrl: z.string(),
})

function demo(...args: readonly string[]): RegistrarProcess {
  return spawnRegistrar(['demo', '--port', '0', '--data-dir', dataDir, '--rows', '150', ...args])
}

test(
  'demo does the main job, checks its outcome, shows a table and leaves nothing running',
  async () => {
    const hasSlapd = (await findExisting(slapdPlaces)) !== undefined
    const { ended, stdout } = await demo('--exit').result
    const summary = stdout.slice(stdout.lastIndexOf('┌'))
    // One look at both: what the demo says of a step that failed is shown with the failure.
    expect([ended, summary]).toEqual([
      0,
      expect.stringMatching(/step.*outcome.*rows read.*accepted.*rejected.*duration/),
    ])
    expect(summary.match(/as expected/g)).toHaveLength(hasSlapd ? 17 : 16)
    expect(stdout.includes('SKIPPED: directory: slapd is not installed')).toBe(!hasSlapd)
    expect(summary).toMatch(/arrival at (replica|partner|auth0) +│ as expected/)
    expect(stdout).toMatch(/sink +│ auth0 +│ pending +│ \d+ +│ \d+ +│ target_unreachable/)
    expect(stdout).toMatch(/sink +│ auth0 +│ superseded/)
    expect(stdout).toMatch(/second night: held \(empty\), 1 would be deactivated\n.*: discarded/)
    expect(stdout).toMatch(
      /full: held \(.*empty.*\), people: .*\n.*discarded by somebody else: discarded/,
    )
    expect(summary).toMatch(/API docs +http:\/\/127\.0\.0\.1:\d+\/docs/)
    expect(stdout).toMatch(/line \d+: /)
    expect(stdout).toContain('refused, four_eyes')
    expect(stdout).toMatch(/by another one: can log in\n.*plain signal .*: can log in/)
    await expect(listRegistrarProcesses(dataDir)).resolves.toEqual(NONE)
    const slapd = await listProcessesWithArgument(join(dataDir, 'demo/slapd/slapd.conf'))
    expect(slapd).toEqual([])
  },
  TIMEOUT_MS,
)

describe('a second demo', () => {
  let auth0: DemoAuth0
  let registrar: RunningRegistrar

  beforeAll(async () => {
    auth0 = await startDemoAuth0()
    const { url: baseUrl, clientId, clientSecret } = auth0
    const file = join(scratch.path, 'sinks.json')
    const login = { name: 'login', kind: 'auth0', baseUrl, clientId, clientSecret }
    await writeFile(file, JSON.stringify([{ name: 'people', kind: 'sql' }, login]))
    registrar = await startRegistrar(dataDir, { env: { SINKS_FILE: file } })
  }, TIMEOUT_MS)
  afterAll(async () => {
    await stopRegistrar(registrar)
    await auth0.close()
  }, TIMEOUT_MS)

  test(
    'uses the Registrar that runs already, as another board, with its sinks, and lets it run',
    async () => {
      await spawnRegistrar(['sink', 'pause', 'login', '--data-dir', dataDir]).result
      const { ended, stdout, stderr } = await demo('--json').result
      const { ok, steps } = summarySchema.parse(JSON.parse(stdout))
      expect({ ended, ok }).toEqual({ ended: 0, ok: true })
      expect(stderr).toContain(`pid ${registrar.pid}`)
      expect(stderr).toContain('aslp-ak-first.csv')
      const rows = steps.flatMap((step) => step.rows ?? [])
      expect(rows.map(({ accepted, rejected }) => accepted + rejected)).toEqual(
        rows.map(({ read }) => read),
      )
      expect(steps.slice(-4)).toMatchObject([
        { name: 'arrival at people', outcome: 'as expected' },
        { name: 'arrival at login', outcome: 'skipped', reason: 'it is paused' },
        { name: 'a sink that is down catches up', outcome: 'skipped' },
        { name: 'a bad night at a source deactivates nobody', outcome: 'skipped' },
      ])
      const answer = await fetch(`${registrar.run.apiUrl}/healthz`)
      expect(answer.status).toBe(200)
    },
    TIMEOUT_MS,
  )

  test(
    'ends with 1 and says why when a sink does not take the person',
    async () => {
      await spawnRegistrar(['sink', 'resume', 'login', '--data-dir', dataDir]).result
      const { ended, stdout } = await demo('--json').result
      const { ok, steps } = summarySchema.parse(JSON.parse(stdout))
      expect({ ended, ok }).toEqual({ ended: 1, ok: false })
      expect(steps.at(-1)).toMatchObject({ name: 'arrival at login', outcome: 'surprise' })
      expect(steps.at(-1)?.surprises).toEqual([expect.stringMatching(/failed \(unknown_user\)$/)])
    },
    TIMEOUT_MS,
  )
})

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
