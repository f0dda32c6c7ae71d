import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findDataDirHolder, lockDataDir } from '../../cli/data-dir-lock.ts'
import { findStartTime } from '../../cli/embedded/processes.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-lock-'))
})
afterEach(async () => await rm(directory, { recursive: true }))

test('lockDataDir() takes a directory that is not there yet, and lets go of it without a trace', async () => {
  const dataDir = join(directory, 'deep', 'data')
  const lock = await lockDataDir(dataDir)
  await expect(findDataDirHolder(dataDir)).resolves.toBe(process.pid)
  await lock.release()
  await expect(readdir(dataDir)).resolves.toEqual([])
  await expect(findDataDirHolder(dataDir)).resolves.toBeUndefined()
})

test('lockDataDir() refuses a directory in use, naming the process that has it', async () => {
  const lock = await lockDataDir(directory)
  await expect(lockDataDir(directory)).rejects.toMatchObject({
    code: 'data_dir_in_use',
    message: expect.stringContaining(`process ${process.pid} is using it`) as string,
  })
  await lock.release()
})

test('lockDataDir() lets one in, however many come at once, also over a stale lock', async () => {
  await writeLock({ pid: 2 ** 22 + 1, startTime: 'long ago', id: 'gone' })
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, async () => await lockDataDir(directory)),
  )
  const taken = results.filter((result) => result.status === 'fulfilled')
  expect(taken).toHaveLength(1)
  await taken[0]?.value.release()
  await expect(readdir(directory)).resolves.toEqual([])
})

test('lockDataDir() does not believe a pid that belongs to another process by now', async () => {
  await writeLock({ pid: process.pid, startTime: 'before this process', id: 'gone' })
  await expect(findDataDirHolder(directory)).resolves.toBeUndefined()
  const lock = await lockDataDir(directory)
  await lock.release()
})

test('lockDataDir() does not believe a zombie', async () => {
  const zombie = await createZombie()
  try {
    await writeLock({ pid: zombie.pid, startTime: zombie.startTime, id: 'gone' })
    expect(process.kill(zombie.pid, 0)).toBe(true)
    const lock = await lockDataDir(directory)
    await lock.release()
  } finally {
    await zombie.reap()
  }
})

test.each(['', '{}', 'null', '{"pid":"1"}'])(
  'lockDataDir() takes a damaged lock %j',
  async (text) => {
    await writeFile(join(directory, 'lock'), text)
    await expect(findDataDirHolder(directory)).resolves.toBeUndefined()
    const lock = await lockDataDir(directory)
    await lock.release()
  },
)

type Zombie = { pid: number; startTime: string | undefined; reap: () => Promise<void> }

// A shell that became `sleep` does not collect the child that it had started.
async function createZombie(): Promise<Zombie> {
  const script = 'sleep 0.5 & echo $!; exec sleep 60'
  const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer] // the pid that it echoes
  const pid = Number(line.toString().trim())
  const startTime = await findStartTime(pid)
  const gone = async (): Promise<boolean> => (await findStartTime(pid)) === undefined
  while (!(await gone())) await new Promise((done) => setTimeout(done, 20))
  return {
    pid,
    startTime,
    async reap() {
      const exited = once(parent, 'exit')
      parent.kill('SIGKILL')
      await exited
    },
  }
}

async function writeLock(holder: {
  pid: number
  startTime: string | undefined
  id: string
}): Promise<void> {
  await writeFile(join(directory, 'lock'), JSON.stringify(holder))
}
