import { changeOf } from './changes.ts'
import { allFaultKinds, textFaultKinds, type FaultKind } from './faults.ts'
import type { Register } from './licensee.ts'
import { createRandom, type Random } from './random.ts'

/** A board's file: the first one of a register, or the one that it sends some time later. */
export type SampleFile = Register & {
  /** How many licensees the register had at first. */
  readonly rows: number
  readonly later?: boolean
  /** Also rows with bytes that are not UTF-8. */
  readonly badBytes?: boolean
}

/** What a row of the file is; `licensee` is who it is about. */
export type PlannedRow =
  | { readonly kind: 'good'; readonly licensee: number }
  | { readonly kind: 'duplicate'; readonly licensee: number }
  | { readonly kind: 'faulty'; readonly licensee: number; readonly fault: FaultKind }

const FAULTY = 0.02
const DUPLICATE = 0.003
const ADDED = 0.02
const TRIES = 20

/** The rows of a file in their order, one by one: any number of them takes no memory. */
export function* planRows(file: SampleFile): Generator<PlannedRow> {
  let held: PlannedRow | undefined
  for (const row of listRows(file)) {
    if (held) yield settle(held, row)
    held = row
  }
  if (held) yield held
}

/** What the file says of a licensee, apart from duplicates; undefined for one who is not in it. */
export function planLicensee(file: SampleFile, licensee: number): PlannedRow | undefined {
  if (licensee >= countLicensees(file) || hasLeft(file, licensee)) return undefined
  const random = streamOf(file, licensee)
  const place = random.next()
  if (place < FAULTY) return { kind: 'faulty', licensee, fault: pickFault(file, random) }
  if (place < FAULTY + DUPLICATE) return planDuplicate(file, licensee, random)
  return { kind: 'good', licensee }
}

// How many licensees the register has by the time of the file, those who left included.
function countLicensees({ rows, later }: SampleFile): number {
  return later ? rows + Math.ceil(rows * ADDED) : rows
}

/** The stream of choices about a licensee's row in this file. */
export function streamOf(file: SampleFile, licensee: number): Random {
  const { seed, compact, jurisdiction, later } = file
  return createRandom(seed, compact.abbreviation, jurisdiction, later ? 'later' : 'first', licensee)
}

function* listRows(file: SampleFile): Generator<PlannedRow> {
  for (let licensee = 0; licensee < countLicensees(file); licensee += 1) {
    const row = planLicensee(file, licensee)
    if (row) yield row
  }
}

// A quote that is never closed costs its own row only, if a row follows that can be told apart.
function settle(row: PlannedRow, next: PlannedRow): PlannedRow {
  if (row.kind !== 'faulty' || row.fault !== 'quote never closed' || next.kind !== 'faulty')
    return row
  return { ...row, fault: 'text behind a closing quote' }
}

// A second row of an earlier licensee, in the place of this one.
function planDuplicate(file: SampleFile, licensee: number, random: Random): PlannedRow {
  for (let tries = 0; tries < TRIES && licensee > 0; tries += 1) {
    const earlier = random.int(licensee)
    if (isGood(file, earlier)) return { kind: 'duplicate', licensee: earlier }
  }
  return { kind: 'good', licensee }
}

function isGood(file: SampleFile, licensee: number): boolean {
  if (hasLeft(file, licensee)) return false
  return streamOf(file, licensee).next() >= FAULTY + DUPLICATE
}

function pickFault(file: SampleFile, random: Random): FaultKind {
  const kinds = file.badBytes === false ? textFaultKinds : allFaultKinds
  return kinds[random.int(kinds.length)] ?? 'missing field'
}

function hasLeft(file: SampleFile, licensee: number): boolean {
  return file.later === true && changeOf(file, licensee) === 'left'
}
