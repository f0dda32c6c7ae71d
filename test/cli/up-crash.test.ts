import { join } from 'node:path'
import {
  listRegistrarProcesses,
  startRegistrar,
  stopRegistrar,
  waitUntilReady,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { waitUntil } from '../support/polling.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

type Processes = Awaited<ReturnType<typeof listRegistrarProcesses>>

let scratch: ScratchDir
let dataDir: string
let registrar: RunningRegistrar

beforeAll(async () => {
  scratch = await createScratchDir('crash')
  dataDir = join(scratch.path, 'data')
  registrar = await startRegistrar(dataDir)
})
afterAll(async () => {
  await stopRegistrar(registrar)
  await scratch.remove()
})

test.each<[string, (processes: Processes) => number[]]>([
  ['PostgreSQL', ({ postgres }) => postgres],
  ['the Temporal server', ({ temporal }) => temporal],
  ['the API', ({ services }) => services.slice(0, 1)],
  ['the worker', ({ services }) => services.slice(1)],
  ['both services', ({ services }) => services],
])('up starts %s again after kill -9, at the same address', async (_, pick) => {
  const before = await listRegistrarProcesses(dataDir)
  const killed = pick(before)
  for (const pid of killed) process.kill(pid, 'SIGKILL')
  await waitUntil('the killed are replaced', async () => {
    const now = await listRegistrarProcesses(dataDir)
    const isSame = pick(now).some((pid) => killed.includes(pid))
    return !isSame && countOf(now) === countOf(before)
  })
  await waitUntilReady(registrar.run.apiUrl)
  expect(countOf(await listRegistrarProcesses(dataDir))).toBe(4)
})

function countOf(processes: Processes): number {
  return Object.values(processes).flat().length
}
