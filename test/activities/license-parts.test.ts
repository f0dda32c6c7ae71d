import { existsSync } from 'node:fs'
import { fc } from '../support/properties.ts'
import pg from 'pg'
import { MockActivityEnvironment } from '@temporalio/testing'
import { chooseChunkBytes, defaultChunking } from '../../activities/license/index-file.ts'
import { listTransfers } from '../../activities/license/parse-call.ts'
import { createLocalLane, createThreadLane } from '../../activities/license/parse-lane.ts'
import { createNameFolder } from '../../activities/license/name-folder.ts'
import { isLasting, withPatience } from '../../activities/license/patience.ts'
import { StagedLines } from '../../activities/license/staged-lines.ts'
import { createTimeOrderedIds } from '../../activities/license/time-ordered-ids.ts'
import { AppError } from '../../core/errors.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { foldName } from '../../core/license/fold-name.ts'
import { toTemporalLogger } from '../../workers/runtime.ts'
import { fullRow } from '../support/license-rows.ts'
import { silentLog } from '../support/temporal.ts'

const threadScript = new URL('../../dist/activities/license/parse-thread.js', import.meta.url)
const setup = {
  fieldKeyId: 'test',
  fieldKey: Buffer.alloc(32, 1),
  hashKey: Buffer.alloc(32, 2),
  compacts: defaultCompacts,
}
const input = {
  uploadId: '00000000-0000-7000-8000-000000000000',
  chunk: 0,
  compact: 'aslp',
  jurisdiction: 'oh',
}

test.each([
  ['a small file has chunks of the least size', 2, 1],
  ['a usual file has eight', 16, 2],
  ['a longer one has more of a middle size', 120, 3],
  ['a large one has eighty', 400, 5],
  ['the largest has chunks of the greatest size', 1024, 8],
])('chooseChunkBytes(): %s', (_, sizeMib, wantedMib) => {
  const mib = 1024 * 1024
  expect(chooseChunkBytes(sizeMib * mib, defaultChunking)).toBe(wantedMib * mib)
})

test('createTimeOrderedIds() makes valid ids of version 7, each greater than the one before', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 50 }), (steps) => {
      let now = 1_800_000_000_000
      const nextId = createTimeOrderedIds(() => now)
      let previous = ''
      for (const step of steps) {
        now += step
        const id = nextId()
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(id > previous).toBe(true)
        previous = id
      }
    }),
  )
})

test('createTimeOrderedIds() goes on counting when one millisecond brings thousands', () => {
  const nextId = createTimeOrderedIds(() => 1)
  const ids = Array.from({ length: 10_000 }, () => nextId())
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('StagedLines joins every line with the end that its SSN and content call for', () => {
  const line = fc.record({
    head: fc.string({ unit: 'grapheme', maxLength: 20 }),
    body: fc.string({ unit: 'grapheme', maxLength: 5_000 }),
    contentHash: fc.constantFrom('aa', 'bb', 'cc'),
    ssn: fc.nat(2),
  })
  const ends = [
    { ofChanged: 'new\n', ofUnchanged: '', contents: '' },
    { ofChanged: 'known\n', ofUnchanged: 'same\n', contents: 'bb' },
    { ofChanged: 'known too\n', ofUnchanged: 'same too\n', contents: 'aacc' },
  ]
  fc.assert(
    fc.property(fc.array(line, { maxLength: 400 }), (lines) => {
      const staged = new StagedLines(0)
      for (const open of lines) staged.add(open)
      const expected = lines.map(({ head, body, contentHash, ssn }) => {
        const end = ends[ssn]
        const isSame = end?.contents.includes(contentHash) ?? false
        return isSame ? head + end?.ofUnchanged : head + body + end?.ofChanged
      })
      expect(Buffer.from(staged.join(ends)).toString()).toBe(expected.join(''))
    }),
    { numRuns: 30 },
  )
})

test('listTransfers() gives away memory that is all its own, and never a part of a pool', () => {
  const own = new Uint8Array(10)
  const pooled = Buffer.from('a few bytes')
  expect(listTransfers({ bytes: own })).toEqual([own.buffer])
  expect(listTransfers({ name: 'parse', input: { source: { bytes: own } } })).toEqual([own.buffer])
  expect(listTransfers({ faults: [own], ssnHashes: pooled, records: 1 })).toEqual([own.buffer])
  expect(listTransfers([pooled, own.subarray(1)])).toEqual([])
})

test('a parser in a thread answers as one in place', async () => {
  expect(existsSync(threadScript)).toBe(true)
  const lanes = [createThreadLane(setup, threadScript), createLocalLane(setup)]
  const source = { kind: 'records', bytes: Buffer.from(JSON.stringify([fullRow])) } as const
  const answers = await Promise.all(
    lanes.map(async (lane) => {
      const parsed = await lane.call<'parse'>({
        name: 'parse',
        job: 1,
        input: { ...input, source },
      })
      const known = { ids: Buffer.from(input.uploadId.replaceAll('-', ''), 'hex'), contents: '' }
      const rows = await lane.call<'finish'>({ name: 'finish', job: 1, known })
      await lane.close()
      return { ...parsed, rows: rows.map((part) => Buffer.from(part).toString()) }
    }),
  )
  expect(answers[0]).toEqual(answers[1])
})

test('a parser in a thread says by a code what went wrong, and goes on', async () => {
  const lane = createThreadLane(setup, threadScript)
  const source = { kind: 'records', bytes: Buffer.from('no JSON') } as const
  const call = { name: 'parse', job: 1, input: { ...input, source } } as const
  await expect(lane.call<'parse'>(call)).rejects.toMatchObject({
    code: 'parser_failed',
    message: 'Cannot parse a chunk: the parser failed with "SyntaxError"',
  })
  await lane.call<'discard'>({ name: 'discard', job: 1 })
  await lane.close()
  expect(lane.isBroken()).toBe(true)
})

function databaseError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError('said by the server', 0, 'error')
  error.code = code
  return error
}

test.each([
  ['a lost connection', Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }), false],
  ['a server that shuts down', databaseError('57P01'), false],
  ['a deadlock', databaseError('40P01'), false],
  ['a full disk', databaseError('53100'), false],
  ['a violated constraint', databaseError('23514'), true],
  ['an unknown column', databaseError('42703'), true],
  ['a mistake of ours', new TypeError('not a function'), true],
  ['a parser that fails', new AppError('parser_failed', 'Cannot parse', { status: 500 }), true],
])('isLasting() takes %s for what it is', (_, error, expected) => {
  expect(isLasting(error)).toBe(expected)
})

test.each([
  [7, false],
  [8, true],
])('withPatience() in attempt %d ends a run over a lasting failure: %s', async (attempt, ends) => {
  const environment = new MockActivityEnvironment(
    { attempt },
    { logger: toTemporalLogger(silentLog) },
  )
  const lasting = environment.run(
    async () => await withPatience(async () => await Promise.reject(databaseError('42703'))),
  )
  const expected = ends ? { nonRetryable: true, type: 'unexpected' } : { code: '42703' }
  await expect(lasting).rejects.toMatchObject(expected)
  const passing = environment.run(
    async () => await withPatience(async () => await Promise.reject(databaseError('57P03'))),
  )
  await expect(passing).rejects.toMatchObject({ code: '57P03' })
})

test('createNameFolder() folds as foldName() does, however many names come', () => {
  const fold = createNameFolder()
  const names = Array.from({ length: 12_000 }, (_, n) => `Žofié ${n}`)
  expect([...names, ...names].map(fold)).toEqual([...names, ...names].map(foldName))
})
