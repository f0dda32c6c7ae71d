import { runCommand, type CommandRun } from '../support/command.ts'
import { startTestApi, type TestApi } from '../support/http.ts'
import { createTestProfile, recordTestChange, storeTestProfile } from '../support/profiles.ts'

const person = createTestProfile()
const valueOf = (name: string): string => String((person[name] as { value: unknown }).value)

let api: TestApi
let token: string

beforeAll(async () => {
  api = await startTestApi()
  token = await api.token('change:read read:fullprofile display:all')
  const { id } = await storeTestProfile(api.db, person)
  const changed = ['staff_information.title']
  const sinks = ['directory']
  await recordTestChange(api.db, { profileId: id, version: 2, publisher: 'hris', changed, sinks })
  await storeTestProfile(api.db, createTestProfile({ seed: 2, contents: { active: false } }))
})
afterAll(async () => await api.close())

test.each([
  ['user id', () => valueOf('user_id')],
  ['uuid', () => valueOf('uuid')],
  ['e-mail address', () => valueOf('primary_email')],
  ['username', () => valueOf('primary_username')],
])('profile get prints the person with this %s', async (_, id) => {
  const { code, stdout } = await run('get', id(), '--json')
  expect([code, JSON.parse(stdout)]).toEqual([0, person])
})

test('profile get shows inactive persons too, as a table', async () => {
  const { code, stdout } = await run('get', 'person2@example.com')
  expect(code).toBe(0)
  expect(stdout).toMatch(/staff_information\.title .*hris .*ndaed .*MOZILLA CONFIDENTIAL/)
})

test('profile history lists the changes, newest first', async () => {
  const { stdout } = await run('history', valueOf('uuid'), '--json')
  const { uuid, items } = JSON.parse(stdout) as { uuid: string; items: { version: number }[] }
  expect([uuid, items.map(({ version }) => version)]).toEqual([valueOf('uuid'), [2, 1]])
  expect((await run('history', valueOf('uuid'))).stdout).toMatch(
    /hris .*update .*staff_information\.title/,
  )
})

test('profile history finds a deleted person by uuid', async () => {
  const gone = createTestProfile({ seed: 3 })
  const { id } = await storeTestProfile(api.db, gone, { deleted: true })
  for (const key of [id, (gone['uuid'] as { value: string }).value]) {
    expect((await run('history', key)).stdout).toMatch(/ldap .*create/)
  }
})

test('profile explain says who won each attribute and what every sink has', async () => {
  const { stdout } = await run('explain', 'person1@example.com')
  expect(stdout).toMatch(/is at version 2 by change \d+/)
  expect(stdout).toMatch(/staff_information\.title .*hris .*create/)
  expect(stdout).toMatch(/directory .*pending .*is on its way/)
  const { attributes, sinks } = JSON.parse(
    (await run('explain', 'person1@example.com', '--json')).stdout,
  ) as { attributes: unknown[]; sinks: unknown[] }
  expect([attributes.length > 10, sinks.length]).toEqual([true, 1])
})

test('profile explain says when no sink is to have a person', async () => {
  expect((await run('explain', 'person2@example.com')).stdout).toContain('No sink is to have it')
})

test.each(['get', 'history', 'explain'])('profile %s ends with 1 for nobody', async (command) => {
  for (const id of ['nobody', 'no@body', 'no|body', '7c9e6679-7425-40de-944b-e07fc1f90ae7']) {
    const { code, stdout, stderr } = await run(command, id)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('Cannot find such a person')
  }
})

async function run(...args: string[]): Promise<CommandRun> {
  const settings = { REGISTRAR_API: api.url, REGISTRAR_TOKEN: token }
  return await runCommand(['profile', ...args], settings)
}
