import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand, type CommandRun } from '../support/command.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { openSeatSite } from '../support/seats.ts'

let api: TestApi
let directory: string

beforeAll(async () => {
  api = await startTestApi()
  directory = await mkdtemp(join(tmpdir(), 'registrar-seat-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true })
  await api.close()
})

async function run(...args: readonly string[]): Promise<CommandRun> {
  const token = await api.token('roster:read roster:admin', { tenant: 'district' })
  const remote = ['--tenant', 'district', '--api', api.url, '--token', token]
  return await runCommand(['seat', ...args, ...remote], {})
}

test('seat set, list and schools set a product and show its seats', async () => {
  const file = join(directory, 'math.json')
  await writeFile(file, JSON.stringify({ capacity: 1, overLimit: { policy: 'waitlist' } }))
  expect((await run('list')).stdout).toContain('No products')
  expect((await run('set', 'math', file)).stdout).toContain('"math" is set')
  const site = await openSeatSite(api.db, { tenant: 'district' })
  await site.enroll('u1')
  await site.enroll('u2', { school: 's2' })
  await site.run()
  const products = JSON.parse((await run('list', '--json')).stdout) as unknown
  expect(products).toMatchObject([{ product: 'math', capacity: 1, assigned: 1, waiting: 1 }])
  const seats = (await run('list', 'math')).stdout
  expect(seats).toContain('1 of 1 seats are assigned, 1 people wait')
  expect(seats).toMatch(/clever:u1.+active.+s1[^]+clever:u2.+waiting.+s2/)
  expect((await run('schools', 'math')).stdout).toMatch(/s1.+School s1.+0.+1.+0.+0/)
})

test('seat set says what is wrong with a file or its settings', async () => {
  const file = join(directory, 'faulty.json')
  expect((await run('set', 'math', file)).stderr).toContain('it must be JSON')
  await writeFile(file, JSON.stringify({ capacity: -1 }))
  const refused = await run('set', 'math', file)
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('422')])
})
