import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand, type CommandRun } from '../support/command.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

let api: TestApi
let scratch: ScratchDir

beforeAll(async () => {
  api = await startTestApi()
  scratch = await createScratchDir('change')
})
afterAll(async () => {
  await scratch.remove()
  await api.close()
})

test('change submit says of a file that is not there just that', async () => {
  const { code, stderr } = await submit('/nowhere/profile.json')
  expect(code).toBe(1)
  expect(stderr.trim()).toBe('error: Cannot read "/nowhere/profile.json": it is no file')
})

test('change submit names what is wrong with a profile', async () => {
  const file = join(scratch.path, 'profile.json')
  const user_id = { value: 'ad|Mozilla-LDAP|someone' }
  await writeFile(file, JSON.stringify({ user_id, nickname: 'Canary' }))
  const { code, stderr } = await submit(file)
  expect(code).toBe(1)
  expect(stderr).toContain('/user_id/metadata: Missing')
  expect(stderr).toContain('/nickname: Unknown field')
  expect(stderr).not.toContain('Canary')
})

async function submit(file: string): Promise<CommandRun> {
  const token = await api.token('write', { publisher: 'ldap' })
  const settings = { REGISTRAR_API: api.url, REGISTRAR_TOKEN: token }
  return await runCommand(['change', 'submit', file], settings)
}
