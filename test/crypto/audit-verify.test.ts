import { createHash } from 'node:crypto'
import { fc } from '../support/properties.ts'
import {
  formatAuditLine,
  parseAuditLine,
  type AuditLogEntry,
  type AuditRecord,
  type AuditSeal,
} from '../../core/audit/record.ts'
import { digestAuditEntry } from '../../crypto/audit-entry.ts'
import { importSealKeys, listRingSealKeys } from '../../crypto/audit-keys.ts'
import { FIRST_PREVIOUS, sealStatement } from '../../crypto/audit-seal.ts'
import { verifyAuditLog, type AuditVerdict } from '../../crypto/audit-verify.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { sampleAuditEntry, streamOf } from '../support/audit.ts'

const ring = createKeyRing(generateKeyRingDocument())
const keys = importSealKeys(listRingSealKeys(ring))
const BLOCKS = [4, 1, 6, 3]
const log = createLog()
const lines = log.map(formatAuditLine)
const seals = log.filter((record) => record.kind === 'seal')

function createLog(): AuditRecord[] {
  const records: AuditRecord[] = []
  let seq = 0
  let previous = FIRST_PREVIOUS
  for (const size of BLOCKS) {
    const block = Array.from({ length: size }, (_, index) => createEntry(seq + index + 1))
    const seal = sealBlock(block, previous)
    records.push(...block, seal)
    previous = seal.hash
    seq += size
  }
  return records
}

function createEntry(seq: number): AuditLogEntry {
  const { actor, action, subject, before, after, cause } = sampleAuditEntry(seq)
  return {
    kind: 'entry',
    seq,
    at: `2026-02-03T04:05:06.${String(seq).padStart(6, '0')}Z`,
    actor,
    action,
    subject,
    ...(before && { before: Buffer.from(before).toString('hex') }),
    ...(after && { after: Buffer.from(after).toString('hex') }),
    cause,
  }
}

function sealBlock(block: readonly AuditLogEntry[], previous: string): AuditSeal {
  const digests = block.map(digestAuditEntry)
  const leaves = block.map((entry, index) => {
    const seq = Buffer.alloc(8)
    seq.writeBigInt64BE(BigInt(entry.seq))
    return Buffer.concat([seq, digests[index]?.subarray(0, 8) ?? seq])
  })
  return sealStatement(ring, {
    from: block[0]?.seq ?? 0,
    to: block.at(-1)?.seq ?? 0,
    entries: block.length,
    at: '2026-02-03T04:05:08.000Z',
    digest: createHash('sha256').update(Buffer.concat(digests)).digest('hex'),
    leaves: Buffer.concat(leaves).toString('base64'),
    previous,
  })
}

async function verifyLines(texts: readonly string[]): Promise<AuditVerdict> {
  const records = texts.map(
    (text, index) => parseAuditLine(text) ?? ({ kind: 'unreadable', line: index + 1 } as const),
  )
  return await verifyAuditLog(streamOf(records), { keys, allowUnsealed: false })
}

// The first entry that a line stands for: its own, or the first of its seal.
function firstSeqOf(record: AuditRecord | undefined): number {
  if (!record) throw new Error('no such line')
  return record.kind === 'entry' ? record.seq : record.from
}

const anyLine = fc.nat(log.length - 1)

test('verifyAuditLog() counts an untouched log', async () => {
  await expect(verifyLines(lines)).resolves.toEqual({
    ok: true,
    entries: 14,
    seals: 4,
    unsealed: 0,
    head: seals.at(-1)?.hash,
  })
})

test('verifyAuditLog() accepts an empty log', async () => {
  await expect(verifyLines([])).resolves.toMatchObject({ ok: true, entries: 0, seals: 0 })
})

test('verifyAuditLog() reads lines that another JSON writer wrote', async () => {
  const spaced = log.map((record) => JSON.stringify(record, null, 1).replaceAll('\n', ' '))
  await expect(verifyLines(spaced)).resolves.toMatchObject({ ok: true, entries: 14 })
})

test('verifyAuditLog() names the entry of a line in which any character was altered', async () => {
  const characters = fc.constantFrom(...'0123456789abcdefXYZ "{}[]:,\\é'.split(''))
  await fc.assert(
    fc.asyncProperty(anyLine, fc.nat(), characters, async (index, offset, character) => {
      const line = lines[index] ?? ''
      const position = offset % line.length
      const altered = line.slice(0, position) + character + line.slice(position + 1)
      fc.pre(!isSameJson(line, altered))
      const verdict = await verifyLines(lines.with(index, altered))
      expect(verdict).toMatchObject({ ok: false, seq: firstSeqOf(log[index]) })
    }),
    { numRuns: 1_000 },
  )
})

function isSameJson(one: string, other: string): boolean {
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other))
  } catch {
    return false
  }
}

test('verifyAuditLog() names the entry of any line that was taken out', async () => {
  await fc.assert(
    fc.asyncProperty(anyLine, async (index) => {
      const verdict = await verifyLines(lines.toSpliced(index, 1))
      expect(verdict).toMatchObject({ ok: false, seq: firstSeqOf(log[index]) })
    }),
  )
})

test('verifyAuditLog() names the first of any two entries that changed places', async () => {
  const places = log.flatMap((record, index) => (record.kind === 'entry' ? [index] : []))
  const pairs = fc.subarray(places, { minLength: 2, maxLength: 2 })
  await fc.assert(
    fc.asyncProperty(pairs, async ([one = 0, other = 0]) => {
      const swapped = lines.with(one, lines[other] ?? '').with(other, lines[one] ?? '')
      const verdict = await verifyLines(swapped)
      expect(verdict).toMatchObject({ ok: false, seq: firstSeqOf(log[one]) })
    }),
  )
})

test('verifyAuditLog() refuses any line that was moved', async () => {
  await fc.assert(
    fc.asyncProperty(anyLine, anyLine, async (from, to) => {
      fc.pre(from !== to)
      const moved = lines.toSpliced(from, 1).toSpliced(to, 0, lines[from] ?? '')
      await expect(verifyLines(moved)).resolves.toMatchObject({ ok: false })
    }),
  )
})

test('verifyAuditLog() refuses any line that is there twice', async () => {
  await fc.assert(
    fc.asyncProperty(anyLine, fc.nat(log.length), async (from, to) => {
      const doubled = lines.toSpliced(to, 0, lines[from] ?? '')
      await expect(verifyLines(doubled)).resolves.toMatchObject({ ok: false })
    }),
  )
})

test('verifyAuditLog() names an entry that was added at the end', async () => {
  const verdict = await verifyLines([...lines, formatAuditLine(createEntry(15))])
  expect(verdict).toEqual({ ok: false, seq: 15, reason: 'no seal covers it' })
})

test('verifyAuditLog() refuses a line that is no record of a log', async () => {
  const verdict = await verifyLines(['{"kind":"note"}', ...lines])
  expect(verdict).toMatchObject({ ok: false, reason: 'line 1 is no record of an audit log' })
})

test('verifyAuditLog() refuses a log that was sealed again with another key', async () => {
  const stranger = createKeyRing(generateKeyRingDocument())
  const [first] = seals
  if (!first) throw new Error('no seal')
  const { kind: _kind, hash: _hash, kid: _kid, signature: _signature, ...statement } = first
  const forged = { ...sealStatement(stranger, statement), kid: ring.currentId }
  const verdict = await verifyLines(lines.with(4, formatAuditLine(forged)))
  expect(verdict).toEqual({ ok: false, seq: 1, reason: 'its seal was altered' })
})
