import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveTemporalCli } from '../../../cli/embedded/temporal-resolver.ts'
import { startEmbeddedTemporal } from '../../../cli/embedded/temporal.ts'
import { createScratchDir, type ScratchDir } from '../../support/scratch.ts'

const STACK = 'for i in $(seq 40); do echo "goroutine $i"; done'

let scratch: ScratchDir

beforeAll(async () => {
  scratch = await createScratchDir('temporal')
})
afterAll(async () => await scratch.remove())

/** A program that dies as the server does without a port, `times` times, and is the server then. */
async function createDyingServer(times: number): Promise<{ binary: string; starts: string }> {
  const { path } = await resolveTemporalCli({
    cliPath: process.env['TEMPORAL_CLI_PATH'],
    report: () => {},
  })
  const starts = join(scratch.path, `starts-${times}`)
  const binary = join(scratch.path, `server-${times}`)
  const lines = [
    '#!/bin/sh',
    `echo start >> '${starts}'`,
    `if [ $(wc -l < '${starts}') -le ${times} ]; then`,
    `  echo 'Failed to start listener: address already in use'; ${STACK}; exit 1`,
    'fi',
    `exec '${path}' "$@"`,
  ]
  await writeFile(binary, lines.join('\n'), { mode: 0o755 })
  return { binary, starts }
}

test('startEmbeddedTemporal() starts a server anew that ended by itself', async () => {
  const { binary, starts } = await createDyingServer(2)
  const directory = join(scratch.path, 'data')
  const server = await startEmbeddedTemporal({ binary, directory, namespace: 'default' })
  await server.stop()
  expect(await readFile(starts, 'utf8')).toBe('start\n'.repeat(3))
})

test('startEmbeddedTemporal() gives up on a server that always ends, with what it said first', async () => {
  const { binary, starts } = await createDyingServer(100)
  const directory = join(scratch.path, 'data')
  const starting = startEmbeddedTemporal({ binary, directory, namespace: 'default' })
  await expect(starting).rejects.toMatchObject({
    code: 'temporal_start_failed',
    message: expect.stringMatching(/listener: address already in use[^]*…[^]*goroutine 40/),
  })
  expect(await readFile(starts, 'utf8')).toBe('start\n'.repeat(3))
})
