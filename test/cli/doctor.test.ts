import { runCommand } from '../support/command.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

type Part = { readonly name: string; readonly reachable: boolean; readonly remedy: string | null }

let scratch: ScratchDir

beforeAll(async () => {
  scratch = await createScratchDir('doctor')
})
afterAll(async () => await scratch.remove())

async function findIssuer(env: Readonly<Record<string, string>>): Promise<Part | undefined> {
  const { stdout } = await runCommand(['doctor', '--json'], { DATA_DIR: scratch.path, ...env })
  const { parts } = JSON.parse(stdout) as { readonly parts: readonly Part[] } // by its schema
  return parts.find(({ name }) => name === 'issuer')
}

test('doctor has nothing to say of the local issuer where it is one for development', async () => {
  expect(await findIssuer({})).toMatchObject({ reachable: true, remedy: null })
})

test('doctor asks for an issuer in production', async () => {
  expect(await findIssuer({ NODE_ENV: 'production' })).toMatchObject({
    reachable: false,
    remedy: expect.stringMatching(/^set AUTH_ISSUERS .*NODE_ENV=production/) as string,
  })
})
