import type { FieldMessages } from '../../core/license/messages.ts'
import type { LicenseRecord, LicenseValidator } from '../../core/license/record.ts'
import type { FieldCipher } from '../../crypto/field-cipher.ts'
import type { KeyedHexHash } from '../../crypto/keyed-hex-hash.ts'
import {
  encodeBoardFields,
  encodeFault,
  encodeLicense,
  encodeNameKeys,
  type RecordPlace,
} from '../../db/license/copy-text.ts'
import { rowContext, type UploadFaultKind } from '../../db/upload-faults.ts'
import type { ChunkInput, ParsedChunk } from './chunk-input.ts'
import { CopyBuffer } from './copy-buffer.ts'
import { deriveLicenseKeys } from './license-keys.ts'
import type { NameFolder } from './name-folder.ts'
import { readSource, toBytes, type SourceRow } from './source-rows.ts'
import { StagedLines } from './staged-lines.ts'

/** The valid rows of a chunk without their owners. */
export type ValidRows = {
  readonly compact: string
  readonly ssns: readonly string[]
  readonly lines: StagedLines
}

export type ChunkRowsOptions = {
  readonly input: ChunkInput
  readonly validate: LicenseValidator
  readonly hash: KeyedHexHash
  readonly foldName: NameFolder
  readonly cipher: FieldCipher
}

/** Reads one chunk: valid rows are kept, what is to be said of rows is written as COPY text. */
export class ChunkRows implements ValidRows {
  readonly ssns: string[] = []
  readonly lines: StagedLines
  readonly #options: ChunkRowsOptions
  readonly #positions = new Map<string, number>()
  readonly #faults = new CopyBuffer()

  constructor(options: ChunkRowsOptions) {
    this.#options = options
    this.lines = new StagedLines(options.input.source.bytes.byteLength)
  }

  get compact(): string {
    return this.#options.input.compact
  }

  /** Reads all records of the chunk; called once. */
  read(): ParsedChunk {
    let records = 0
    let rejected = 0
    for (const row of readSource(this.#options.input.source)) {
      records += 1
      if (!this.#readRow(row)) rejected += 1
    }
    return {
      records,
      rejected,
      ssnHashes: Uint8Array.from(Buffer.from([...this.#positions.keys()].join(''), 'hex')),
      faults: this.#faults.finish(),
    }
  }

  #readRow(row: SourceRow): boolean {
    if (row.faults !== undefined) {
      this.#say(row, 'rejected', row.faults)
      return false
    }
    const verdict = this.#options.validate(row.fields)
    if (hasMessages(verdict.warnings)) this.#say(row, 'warning', verdict.warnings)
    if (verdict.ok) this.#keep(row.place, verdict.record)
    else this.#say(row, 'rejected', verdict.errors)
    return verdict.ok
  }

  #keep(place: RecordPlace, license: LicenseRecord): void {
    const { hash, foldName, input } = this.#options
    const { chunk, compact } = input
    const content = encodeBoardFields(license)
    const keys = deriveLicenseKeys({ hash, foldName }, license, { compact, content })
    const { ssnHash, contentHash } = keys
    this.lines.add({
      head: encodeLicense({ place, chunk, license, ssnHash, contentHash }),
      body: content + encodeNameKeys(keys),
      contentHash,
      ssn: this.#findPosition(license.ssn, ssnHash),
    })
  }

  #findPosition(ssn: string, hash: string): number {
    const known = this.#positions.get(hash)
    if (known !== undefined) return known
    const position = this.ssns.push(ssn) - 1
    this.#positions.set(hash, position)
    return position
  }

  #say(row: SourceRow, kind: UploadFaultKind, errors: FieldMessages): void {
    const { cipher, input } = this.#options
    const { uploadId, chunk, source } = input
    const { place } = row
    const context = rowContext(uploadId, place.record)
    const rowCipher = cipher.encrypt(toBytes(source, row), context).toString('hex')
    this.#faults.add(encodeFault({ place, uploadId, chunk, kind, errors, rowCipher }))
  }
}

function hasMessages(messages: FieldMessages): boolean {
  for (const _field in messages) return true
  return false
}
