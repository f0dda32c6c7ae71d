import type { MutableRecord, Register } from './licensee.ts'
import { createRandom, type Random } from './random.ts'
import { createPhoneNumber } from './synthetic-numbers.ts'
import { familyNames } from './vocabulary.ts'

/** What became of a licensee between a board's two files. */
export type Change = 'none' | 'renewed' | 'deactivated' | 'moved' | 'renamed' | 'mailed' | 'left'

const shares: readonly (readonly [Exclude<Change, 'none'>, number])[] = [
  ['renewed', 0.08],
  ['deactivated', 0.02],
  ['moved', 0.03],
  ['renamed', 0.005],
  ['mailed', 0.005],
  ['left', 0.02],
]

/** What became of licensee `index`; everybody else is as before. */
export function changeOf(register: Register, index: number): Change {
  let place = streamOf(register, index).next()
  for (const [change, share] of shares) {
    if (place < share) return change
    place -= share
  }
  return 'none'
}

/** The record with a change: always other content than before, save for `none` and `left`. */
export function applyChange(
  record: MutableRecord,
  change: Change,
  place: { readonly register: Register; readonly index: number },
): MutableRecord {
  const random = streamOf(place.register, place.index)
  switch (change) {
    case 'none':
    case 'left':
      return record
    case 'renewed':
      return renew(record)
    case 'deactivated':
      return deactivate(record)
    case 'moved':
      return move(record)
    case 'renamed':
      return { ...record, familyName: `${record.familyName}-${random.pick(familyNames)}` }
    case 'mailed':
      return changeContact(record, random)
    default:
      return change satisfies never
  }
}

/** The record with a contact that no file of the register has: what a board would post at once. */
export function updateContact(record: MutableRecord): MutableRecord {
  return { ...record, emailAddress: 'latest.contact@example.org' }
}

function streamOf({ seed, compact, jurisdiction }: Register, index: number): Random {
  return createRandom(seed, compact.abbreviation, jurisdiction, 'change', index)
}

function renew(record: MutableRecord): MutableRecord {
  const year = Number(record.dateOfExpiration.slice(0, 4))
  return {
    ...record,
    licenseStatus: 'active',
    dateOfRenewal: record.dateOfExpiration,
    dateOfExpiration: `${year + 2}${record.dateOfExpiration.slice(4)}`,
  }
}

// One who was inactive already has another name for it now.
function deactivate(record: MutableRecord): MutableRecord {
  if (record.licenseStatus === 'inactive') return { ...record, licenseStatusName: 'SURRENDERED' }
  return { ...record, licenseStatus: 'inactive', compactEligibility: 'ineligible' }
}

function move(record: MutableRecord): MutableRecord {
  return { ...record, homeAddressStreet1: `1${record.homeAddressStreet1}` }
}

function changeContact(record: MutableRecord, random: Random): MutableRecord {
  if (record.emailAddress === undefined)
    return { ...record, emailAddress: `new.${createPhoneNumber(random).slice(1)}@example.com` }
  const { emailAddress: _, ...rest } = record
  return rest
}
