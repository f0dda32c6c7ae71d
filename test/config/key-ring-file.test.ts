import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadKeyRing } from '../../config/key-ring-file.ts'
import { generateKeyRingDocument } from '../../crypto/key-ring.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-ring-'))
})
afterEach(async () => await rm(directory, { recursive: true }))

test('loadKeyRing() makes one key ring however many ask for it at once, readable by its owner alone', async () => {
  const dataDir = join(directory, 'data')
  const rings = await Promise.all(
    Array.from({ length: 8 }, async () => await loadKeyRing({ keyRing: undefined, dataDir })),
  )
  expect(new Set(rings.map((ring) => ring.currentId)).size).toBe(1)
  await expect(readdir(dataDir)).resolves.toEqual(['key-ring.json'])
  const { mode } = await stat(join(dataDir, 'key-ring.json'))
  expect(mode & 0o777).toBe(0o600)
})

test('loadKeyRing() prefers the configured one and then writes nothing', async () => {
  const keyRing = generateKeyRingDocument()
  const ring = await loadKeyRing({ keyRing, dataDir: directory })
  expect(ring.currentId).toBe(keyRing.current)
  await expect(readdir(directory)).resolves.toEqual([])
})

test.each(['', '{}', '{"current":"a","keys":{"a":"short"}}'])(
  'loadKeyRing() refuses to go on with a damaged file %j, and leaves it',
  async (content) => {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'key-ring.json'), content)
    await expect(loadKeyRing({ keyRing: undefined, dataDir: directory })).rejects.toMatchObject({
      code: 'invalid_configuration',
    })
    const { size } = await stat(join(directory, 'key-ring.json'))
    expect(size).toBe(content.length)
  },
)
