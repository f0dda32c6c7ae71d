import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import yauzl, { type Entry, type ZipFile } from 'yauzl'
import { throwInvalid } from '../../core/roster/oneroster-csv.ts'

/** A zip archive whose list of contents has been found harmless. */
export type Archive = {
  readonly names: ReadonlySet<string>
  /** The unpacked bytes of a file; it fails where there are more of them than its entry says. */
  readonly openFile: (name: string) => Promise<Readable>
  readonly close: () => void
}

const MAX_ENTRIES = 100
const MAX_FILE_BYTES = 2 * 1024 ** 3
const MAX_TOTAL_BYTES = 4 * 1024 ** 3
/** Repetitive tables shrink to a thirtieth; a bomb to less than a thousandth. */
const MAX_RATIO = 200
const RATIO_FREE_BYTES = 1024 * 1024
const NAME = /^[\w.-]{1,100}\.csv$/i
const METHODS: ReadonlySet<number> = new Set([0, 8])
const ENCRYPTED = 1
const NOT_AT_TOP = 'a file in it is not a CSV file at its top'
// How yauzl says that a name would leave the folder it is unpacked to.
const LEADS_ELSEWHERE = /^(?:absolute path|invalid relative path|invalid characters in fileName):/

const openZip = promisify<string, yauzl.Options, ZipFile>(yauzl.open)

/**
 * Opens a zip and checks its list of contents before anything is unpacked: how many files, their
 * sizes and ratios, their names, which lead nowhere. Throws `invalid_archive` (422).
 */
export async function openArchive(path: string): Promise<Archive> {
  const zip = await open(path)
  try {
    const entries = await listEntries(zip)
    return {
      names: new Set(entries.keys()),
      async openFile(name) {
        const entry = entries.get(name) ?? throwInvalid(`it has no "${name}"`)
        return await new Promise((done, fail) => {
          zip.openReadStream(entry, (error, stream) => (error ? fail(error) : done(stream)))
        })
      },
      close: () => zip.close(),
    }
  } catch (error) {
    zip.close()
    throw error
  }
}

async function open(path: string): Promise<ZipFile> {
  try {
    return await openZip(path, {
      lazyEntries: true,
      autoClose: false,
      validateEntrySizes: true,
      strictFileNames: true,
    })
  } catch {
    return throwInvalid('it is no zip file')
  }
}

async function listEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > MAX_ENTRIES) throwInvalid(`it has more than ${MAX_ENTRIES} files`)
  const entries = new Map<string, Entry>()
  let totalBytes = 0
  await new Promise<void>((done, fail) => {
    zip.on('entry', (entry: Entry) => {
      try {
        assertHarmless(entry)
        if (entries.has(entry.fileName)) throwInvalid('two of its files have one name')
        totalBytes += entry.uncompressedSize
        if (totalBytes > MAX_TOTAL_BYTES) throwInvalid('its files are too large together')
        entries.set(entry.fileName, entry)
        zip.readEntry()
      } catch (error) {
        fail(error)
      }
    })
    zip.once('end', done)
    zip.once('error', (error: Error) => fail(refusalOf(error)))
    zip.readEntry()
  })
  return entries
}

function refusalOf({ message }: Error): unknown {
  try {
    return throwInvalid(
      LEADS_ELSEWHERE.test(message) ? NOT_AT_TOP : 'its list of contents is damaged',
    )
  } catch (error) {
    return error
  }
}

function assertHarmless(entry: Entry): void {
  const { fileName, compressedSize, uncompressedSize } = entry
  if (!NAME.test(fileName)) throwInvalid(NOT_AT_TOP)
  if ((entry.generalPurposeBitFlag & ENCRYPTED) !== 0) throwInvalid('it is encrypted')
  if (!METHODS.has(entry.compressionMethod)) throwInvalid('it is packed in an unusual way')
  if (uncompressedSize > MAX_FILE_BYTES) throwInvalid('a file in it is too large')
  const isLarge = uncompressedSize > RATIO_FREE_BYTES
  if (isLarge && uncompressedSize > compressedSize * MAX_RATIO) {
    throwInvalid('a file in it unpacks to far more than it is')
  }
}
