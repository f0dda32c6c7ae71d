import { boardFields, type BoardField } from '../../core/license/stored-license.ts'
import type { LicenseRecord } from '../../core/license/record.ts'
import type { FieldMessages } from '../../core/license/messages.ts'
import { COPY_NULL as NULL, encodeText } from '../copy-text.ts'
import type { UploadFaultKind } from '../upload-faults.ts'

/** Where a record stands in its file: lines and records from 1, bytes [start, end). */
export type RecordPlace = {
  readonly record: number
  readonly firstLine: number
  readonly lastLine: number
  readonly byteStart: number
  readonly byteEnd: number
}

/** A valid row as it is staged, all but whose it is; hashes are hexadecimal. */
export type StagedLicense = {
  readonly place: RecordPlace
  readonly chunk: number
  readonly license: Pick<LicenseRecord, 'ssn' | 'licenseType'>
  readonly ssnHash: string
  readonly contentHash: string
}

/** The board-owned fields of a license; absent ones undefined. */
export type BoardContent = { readonly [field in BoardField]?: string | undefined }

/** Whose a row is: the provider's id and, where the SSN is not known yet, its cipher. */
export type StagedOwner = {
  readonly providerId: string
  readonly ssnCipher: string | undefined
}

export type NameKeys = { readonly familyNameKey: string; readonly givenNameKey: string }

/** What is to be said of one row. */
export type StagedFault = {
  readonly place: RecordPlace
  readonly uploadId: string
  readonly chunk: number
  readonly kind: UploadFaultKind
  readonly errors: FieldMessages
  readonly rowCipher: string | undefined
}

const NO_FIELDS = `${NULL}\t`.repeat(boardFields.length + 2)

/** The start of a staged row's line: the columns up to the content's hash. */
export function encodeLicense(row: StagedLicense): string {
  const { place, chunk, license } = row
  return (
    `${place.record}\t${chunk}\t${place.firstLine}\t${place.lastLine}\t` +
    `${place.byteStart}\t${place.byteEnd}\t\\\\x${row.ssnHash}\t${license.ssn.slice(-4)}\t` +
    `${encodeText(license.licenseType)}\t\\\\x${row.contentHash}\t`
  )
}

/** The middle of it: the board-owned columns; no two contents are written alike. */
export function encodeBoardFields(license: BoardContent): string {
  let text = ''
  for (const field of boardFields) text += `${encodeText(license[field])}\t`
  return text
}

/** Behind the board-owned columns: the keys of the names. */
export function encodeNameKeys({ familyNameKey, givenNameKey }: NameKeys): string {
  return `${encodeText(familyNameKey)}\t${encodeText(givenNameKey)}\t`
}

/** The end of the line of a row whose fields are there. */
export function encodeOwner({ providerId, ssnCipher }: StagedOwner): string {
  return `${providerId}\t${encodeBytes(ssnCipher)}\t${NULL}\n`
}

/** The end of the line of a row that is stored already: no fields, no keys, its provider. */
export function encodeUnchanged(providerId: string): string {
  return `${NO_FIELDS}${providerId}\t${NULL}\tunchanged\n`
}

/** One line of COPY text in the order of `faultColumns`. */
export function encodeFault(fault: StagedFault): string {
  const { place } = fault
  return (
    `${fault.uploadId}\t${place.record}\t${fault.kind}\t${fault.chunk}\t${place.firstLine}\t` +
    `${place.lastLine}\t${encodeText(JSON.stringify(fault.errors))}\t${encodeBytes(fault.rowCipher)}\n`
  )
}

function encodeBytes(hex: string | undefined): string {
  return hex === undefined ? NULL : `\\\\x${hex}`
}
