import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveTemporalCli } from '../../cli/embedded/temporal-resolver.ts'
import {
  listRegistrarProcesses,
  startRegistrar,
  type RunningRegistrar,
} from '../support/registrar-process.ts'
import { createScratchDir, type ScratchDir } from '../support/scratch.ts'

let scratch: ScratchDir
let registrar: RunningRegistrar | undefined

beforeAll(async () => {
  scratch = await createScratchDir('given-up')
})
afterAll(async () => {
  registrar?.process.kill('SIGTERM')
  await registrar?.result
  await scratch.remove()
})

test('up ends with 1 naming the server that cannot be started again, and leaves no process', async () => {
  const dataDir = join(scratch.path, 'data')
  const cli = join(scratch.path, 'temporal')
  const { path } = await resolveTemporalCli({ report: () => {} })
  await writeFile(cli, `#!/bin/sh\nexec "${path}" "$@"\n`)
  await chmod(cli, 0o755)
  registrar = await startRegistrar(dataDir, { env: { TEMPORAL_CLI_PATH: cli } })
  await rm(cli)
  const { temporal } = await listRegistrarProcesses(dataDir)
  for (const pid of temporal) process.kill(pid, 'SIGKILL')
  const { ended, stderr } = await registrar.result
  expect(ended).toBe(1)
  expect(stderr).toContain('Cannot keep the Temporal server running')
  await expect(listRegistrarProcesses(dataDir)).resolves.toEqual({
    services: [],
    postgres: [],
    temporal: [],
  })
})
