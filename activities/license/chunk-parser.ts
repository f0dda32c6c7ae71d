import { indexChunks, type IndexedChunks, type IndexOptions } from '../../core/csv/chunks.ts'
import { findCompact, type Compacts } from '../../core/license/compacts.ts'
import { createLicenseValidator, type LicenseValidator } from '../../core/license/record.ts'
import { AppError } from '../../core/errors.ts'
import { createFieldCipher, type FieldCipher } from '../../crypto/field-cipher.ts'
import { createKeyedHexHash } from '../../crypto/keyed-hex-hash.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import { encodeOwner, encodeUnchanged } from '../../db/license/copy-text.ts'
import type { KnownProviders } from '../../db/license/known-providers.ts'
import { ssnContext } from '../../db/license/ssn-key.ts'
import type { ChunkInput, ParsedChunk, ParserSetup } from './chunk-input.ts'
import { ChunkRows, type ValidRows } from './chunk-rows.ts'
import { createNameFolder } from './name-folder.ts'
import type { LineEnds } from './staged-lines.ts'
import { createTimeOrderedIds } from './time-ordered-ids.ts'

export type IndexInput = { readonly bytes: Uint8Array; readonly options: IndexOptions }

/** The CPU work of an ingest; `job` names a chunk between `parse` and `finish` or `discard`. */
export type ChunkParser = {
  readonly index: (input: IndexInput) => IndexedChunks
  readonly parse: (job: number, input: ChunkInput) => ParsedChunk
  /** COPY text of `stagingColumns`, once it is known whose SSNs are stored already. */
  readonly finish: (job: number, known: KnownProviders) => Uint8Array[]
  readonly discard: (job: number) => void
}

// An id without its hyphens, as PostgreSQL reads it too.
const NOBODY = '0'.repeat(32)

/** Creates a parser: it reads, judges, hashes and encrypts rows, and writes them as COPY text. */
export function createChunkParser(setup: ParserSetup): ChunkParser {
  const hash = createKeyedHexHash(setup.hashKey)
  const cipher = createFieldCipher(toKeyRing(setup))
  const getValidator = createValidatorCache(setup.compacts)
  const foldName = createNameFolder()
  const nextId = createTimeOrderedIds(Date.now)
  const open = new Map<number, ValidRows>()
  return {
    index: ({ bytes, options }) => indexChunks(bytes, options),
    parse(job, input) {
      const rows = new ChunkRows({ input, hash, foldName, cipher, validate: getValidator(input) })
      const parsed = rows.read()
      open.set(job, rows)
      return parsed
    },
    finish(job, known) {
      const rows = open.get(job)
      open.delete(job)
      if (!rows) throwUnknownJob(job)
      return assignOwners(rows, { known, cipher, nextId })
    },
    discard: (job) => void open.delete(job),
  }
}

function assignOwners(
  { compact, ssns, lines }: ValidRows,
  keys: {
    readonly known: KnownProviders
    readonly cipher: FieldCipher
    readonly nextId: () => string
  },
): Uint8Array[] {
  const { known, cipher, nextId } = keys
  const context = ssnContext(compact)
  const ids = Buffer.from(known.ids).toString('hex')
  const contents = known.contents.split(',')
  const ends = ssns.map((ssn, position): LineEnds => {
    const id = ids.slice(position * NOBODY.length, (position + 1) * NOBODY.length)
    if (id !== '' && id !== NOBODY) return endsOfKnown(id, contents[position] ?? '')
    const ssnCipher = cipher.encrypt(ssn, context).toString('hex')
    const ofChanged = encodeOwner({ providerId: nextId(), ssnCipher })
    return { ofChanged, ofUnchanged: '', contents: '' }
  })
  return [lines.join(ends)]
}

function endsOfKnown(id: string, contents: string): LineEnds {
  return {
    ofChanged: encodeOwner({ providerId: id, ssnCipher: undefined }),
    ofUnchanged: encodeUnchanged(id),
    contents,
  }
}

function createValidatorCache(compacts: Compacts): (input: ChunkInput) => LicenseValidator {
  const validators = new Map<string, LicenseValidator>()
  return ({ compact: code, jurisdiction }) => {
    const key = `${code}/${jurisdiction}`
    const known = validators.get(key)
    if (known) return known
    const compact = findCompact(compacts, code)
    if (!compact) throwUnknownCompact(code)
    const validator = createLicenseValidator(compact, { jurisdiction })
    validators.set(key, validator)
    return validator
  }
}

// A thread gets the one key that it encrypts with, not the ring.
function toKeyRing({ fieldKeyId, fieldKey }: ParserSetup): KeyRing {
  return { currentId: fieldKeyId, ids: [fieldKeyId], derive: () => Buffer.from(fieldKey) }
}

function throwUnknownJob(job: number): never {
  throw new AppError('unknown_job', `Cannot finish job ${job}: the parser does not know it`, {
    status: 500,
  })
}

function throwUnknownCompact(code: string): never {
  throw new AppError(
    'unknown_compact',
    `Cannot ingest for compact "${code}": it is not configured any more`,
    { status: 422 },
  )
}
