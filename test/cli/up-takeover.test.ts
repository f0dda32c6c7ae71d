import { join } from 'node:path'
import pg from 'pg'
import {
  listRegistrarProcesses,
  startRegistrar,
  stopRegistrar,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

type Processes = Awaited<ReturnType<typeof listRegistrarProcesses>>

let scratch: ScratchDir
let dataDir: string
let registrar: RunningRegistrar

beforeAll(async () => {
  scratch = await createScratchDir('takeover')
  dataDir = join(scratch.path, 'data')
  registrar = await startRegistrar(dataDir)
})
afterAll(async () => {
  await stopRegistrar(registrar)
  await scratch.remove()
})

test('after kill -9 of up its services end, and the next up takes over the servers', async () => {
  await query('create table kept as select 7 as value')
  const before = await listRegistrarProcesses(dataDir)
  registrar.process.kill('SIGKILL')
  await registrar.result
  registrar = await startRegistrar(dataDir)
  const after = await listRegistrarProcesses(dataDir)
  expect([after.services.length, after.postgres.length, after.temporal.length]).toEqual([2, 1, 1])
  const left = Object.values(after)
    .flat()
    .filter((pid) => before.services.includes(pid))
  expect(left).toEqual([])
})

test('after kill -9 of everything the next up is ready again, with the data', async () => {
  const before = await listRegistrarProcesses(dataDir)
  for (const pid of [registrar.pid, ...Object.values(before).flat()]) process.kill(pid, 'SIGKILL')
  await registrar.result
  registrar = await startRegistrar(dataDir)
  expect(countOf(await listRegistrarProcesses(dataDir))).toBe(4)
  await expect(query('select value from kept')).resolves.toEqual([{ value: 7 }])
})

function countOf(processes: Processes): number {
  return Object.values(processes).flat().length
}

async function query(text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: registrar.run.databaseUrl })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}
