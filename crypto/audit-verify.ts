import { createHash, type KeyObject } from 'node:crypto'
import type { AuditLogEntry, AuditRecord, AuditSeal } from '../core/audit/record.ts'
import { digestAuditEntry } from './audit-entry.ts'
import { FIRST_PREVIOUS, LEAF_PREFIX_BYTES, isSealGenuine, listSealLeaves } from './audit-seal.ts'

/** A line that is no record of an audit log. */
export type UnreadableLine = { readonly kind: 'unreadable'; readonly line: number }

export type AuditVerdict =
  | {
      readonly ok: true
      readonly entries: number
      readonly seals: number
      /** Entries after the last seal. */
      readonly unsealed: number
      /** The hash of the last seal. */
      readonly head: string
    }
  /** `seq` is the first entry that does not hold. */
  | { readonly ok: false; readonly seq: number; readonly reason: string }

export type AuditVerifierOptions = {
  /** The public keys by id. */
  readonly keys: ReadonlyMap<string, KeyObject>
  /** Whether entries after the last seal are accepted: in a living database, not in an export. */
  readonly allowUnsealed: boolean
}

/** Reads a log from its first record to its last, in constant memory, and says which entry does not hold. */
export async function verifyAuditLog(
  records: AsyncIterable<AuditRecord | UnreadableLine>,
  options: AuditVerifierOptions,
): Promise<AuditVerdict> {
  const state = new VerifierState()
  for await (const record of records) {
    if (record.kind === 'entry') state.addEntry(record)
    if (record.kind === 'unreadable') state.unreadable ??= record.line
    if (record.kind !== 'seal') continue
    const fault = checkSeal(state, { seal: record, keys: options.keys })
    if (fault) return { ok: false, ...fault }
    state.close(record)
  }
  return conclude(state, options)
}

type Fault = { readonly seq: number; readonly reason: string }
type OpenEntry = { readonly seq: number; readonly digest: Buffer }

// A seal covers at most 1,000 entries: more in a row without a seal need not be remembered.
const MAX_OPEN_ENTRIES = 10_000

class VerifierState {
  entries = 0
  seals = 0
  lastTo = 0
  head = FIRST_PREVIOUS
  unreadable: number | undefined
  /** Entries that no seal has spoken for yet, in order of their lines. */
  open: OpenEntry[] = []
  openCount = 0

  addEntry(entry: AuditLogEntry): void {
    this.entries += 1
    this.openCount += 1
    if (this.openCount > MAX_OPEN_ENTRIES) return
    this.open.push({ seq: entry.seq, digest: digestAuditEntry(entry) })
  }

  close(seal: AuditSeal): void {
    this.seals += 1
    this.lastTo = seal.to
    this.head = seal.hash
    this.open = []
    this.openCount = 0
  }
}

type SealCheck = { readonly seal: AuditSeal; readonly keys: ReadonlyMap<string, KeyObject> }

function checkSeal(state: VerifierState, { seal, keys }: SealCheck): Fault | undefined {
  const first = state.open[0]?.seq ?? state.lastTo + 1
  const key = keys.get(seal.kid)
  if (!key) return { seq: first, reason: `its seal names the unknown key "${seal.kid}"` }
  if (!isSealGenuine(seal, key)) return { seq: first, reason: 'its seal was altered' }
  if (seal.previous !== state.head || seal.from !== state.lastTo + 1) {
    const seq = first < seal.from ? first : state.lastTo + 1
    return { seq, reason: 'its seal is missing or out of order' }
  }
  return checkEntries(state.open, seal) ?? checkDigest(state.open, seal)
}

function checkEntries(open: readonly OpenEntry[], seal: AuditSeal): Fault | undefined {
  const leaves = new Map(listSealLeaves(seal).map((leaf) => [leaf.seq, leaf.prefix]))
  const held = new Set(open.filter((entry) => matches(entry, leaves)).map((entry) => entry.seq))
  const present = open.map((entry) => entry.seq)
  const strangers = present.filter((seq) => !leaves.has(seq))
  const lost = [...leaves.keys()].find((seq) => !held.has(seq)) ?? Infinity
  const inserted = Math.min(...strangers.filter((seq) => seq >= seal.from && seq <= seal.to))
  if (inserted < lost) return { seq: inserted, reason: 'it was inserted after sealing' }
  if (lost < Infinity)
    return { seq: lost, reason: present.includes(lost) ? 'it was altered' : 'it is missing' }
  return checkOrder(open, strangers)
}

function matches(entry: OpenEntry, leaves: ReadonlyMap<number, Buffer>): boolean {
  return leaves.get(entry.seq)?.equals(entry.digest.subarray(0, LEAF_PREFIX_BYTES)) ?? false
}

function checkOrder(open: readonly OpenEntry[], strangers: readonly number[]): Fault | undefined {
  const misplaced = open
    .filter((entry, index) => entry.seq <= (open[index - 1]?.seq ?? 0))
    .map((entry) => entry.seq)
  const seq = Math.min(...strangers, ...misplaced)
  return seq < Infinity ? { seq, reason: 'it is repeated or out of order' } : undefined
}

function checkDigest(open: readonly OpenEntry[], seal: AuditSeal): Fault | undefined {
  const hash = createHash('sha256')
  for (const entry of open) hash.update(entry.digest)
  if (hash.digest('hex') === seal.digest && open.length === seal.entries) return undefined
  return { seq: open[0]?.seq ?? seal.from, reason: 'it or one sealed with it was altered' }
}

function conclude(state: VerifierState, { allowUnsealed }: AuditVerifierOptions): AuditVerdict {
  const first = state.open[0]?.seq
  if (first !== undefined && (!allowUnsealed || first <= state.lastTo))
    return { ok: false, seq: first, reason: 'no seal covers it' }
  if (state.unreadable !== undefined) {
    const reason = `line ${state.unreadable} is no record of an audit log`
    return { ok: false, seq: state.lastTo + 1, reason }
  }
  const { entries, seals, openCount, head } = state
  return { ok: true, entries, seals, unsealed: openCount, head }
}
