import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { z } from 'zod'
import { isAppError } from '../../core/errors.ts'
import { readOneRosterRow } from '../../core/roster/oneroster.ts'
import {
  csvFileOf,
  readCsvManifest,
  rolesFile,
  throwInvalid,
  toOneRosterFields,
  type CsvManifest,
  type CsvRole,
  type CsvRow,
} from '../../core/roster/oneroster-csv.ts'
import { rosterCollections, type RosterCollection } from '../../core/roster/record.ts'
import type {
  RosterMode,
  RosterPage,
  RosterPageRequest,
  RosterSource,
} from '../../core/roster/source.ts'
import { assertWanted } from '../roster/limiter.ts'
import { toPage } from '../roster/page.ts'
import { openArchive, type Archive } from './archive.ts'

/** An archive as a source: `mode` is the one that its manifest says, and the one to pull it in. */
export type OneRosterCsvSource = RosterSource & { readonly mode: RosterMode }

type Rows = AsyncIterator<CsvRow> & { readonly end: () => void }
type Reading = {
  readonly archive: Archive
  readonly manifest: CsvManifest
  readonly open: Map<RosterCollection, { readonly rows: Rows; position: number }>
  roles?: Promise<ReadonlyMap<string, CsvRole[]>>
}

const PAGE_SIZE = 5_000
const MANIFEST = 'manifest.csv'
const MAX_MANIFEST_ROWS = 1_000
const MAX_RECORD_BYTES = 1024 * 1024

const cursorSchema = z.object({ record: z.int().nonnegative() })

/**
 * A OneRoster CSV archive (1.1 or 1.2, bulk or delta) on this machine as a source. The collections
 * that it does not have are no streams of it. Throws `invalid_archive` (422).
 */
export async function openOneRosterCsv(path: string): Promise<OneRosterCsvSource> {
  const archive = await openArchive(path)
  try {
    const manifest = readCsvManifest(await readAll(archive, MANIFEST, MAX_MANIFEST_ROWS))
    for (const collection of manifest.collections) assertThere(archive, csvFileOf(collection))
    if (manifest.hasRoles) assertThere(archive, rolesFile)
    return createSource({ archive, manifest, open: new Map() })
  } catch (error) {
    archive.close()
    throw error
  }
}

function createSource(reading: Reading): OneRosterCsvSource {
  const { manifest, archive, open } = reading
  return {
    mode: manifest.mode,
    listStreams: () => manifest.collections,
    readBaseline: async () => await Promise.resolve(undefined),
    readPage: async (request) => await readPage(reading, request),
    check: async () => await Promise.resolve(),
    close() {
      for (const { rows } of open.values()) rows.end()
      open.clear()
      archive.close()
    },
  }
}

async function readPage(reading: Reading, request: RosterPageRequest): Promise<RosterPage> {
  const collection = rosterCollections.find((name) => name === request.stream)
  if (collection === undefined) throwInvalid('it has no such collection')
  const start = parseCursor(request.cursor)
  const { rows } = await seek(reading, collection, { start, signal: request.signal })
  const roles = collection === 'users' ? await getRoles(reading) : undefined
  const taken = await take(rows, {
    count: PAGE_SIZE,
    file: csvFileOf(collection),
    signal: request.signal,
  })
  const isLast = taken.length < PAGE_SIZE
  const position = start + taken.length
  if (isLast) reading.open.delete(collection)
  else reading.open.set(collection, { rows, position })
  const readings = taken.map((row) =>
    readOneRosterRow(
      collection,
      toOneRosterFields(collection, row, roles?.get(row['sourcedId'] ?? '')),
    ),
  )
  return toPage(readings, isLast ? undefined : JSON.stringify({ record: position }))
}

// A pull that goes on where it stopped reads the file from its beginning, once.
async function seek(
  { archive, open }: Reading,
  collection: RosterCollection,
  { start, signal }: { readonly start: number; readonly signal: AbortSignal },
): Promise<{ readonly rows: Rows }> {
  const known = open.get(collection)
  if (known?.position === start) return known
  known?.rows.end()
  open.delete(collection)
  const file = csvFileOf(collection)
  const rows = await openRows(archive, file)
  for (let left = start; left > 0; left -= PAGE_SIZE) {
    await take(rows, { count: Math.min(left, PAGE_SIZE), file, signal })
  }
  return { rows }
}

type Taking = { readonly count: number; readonly file: string; readonly signal: AbortSignal }

async function take(rows: Rows, { count, file, signal }: Taking): Promise<CsvRow[]> {
  const taken: CsvRow[] = []
  try {
    while (taken.length < count) {
      const next = await rows.next()
      if (next.done) break
      taken.push(next.value)
    }
  } catch (error) {
    if (isAppError(error)) throw error
    throwInvalid(`"${file}" is damaged or no CSV file`)
  }
  assertWanted(signal)
  return taken
}

async function openRows(archive: Archive, file: string): Promise<Rows> {
  const stream = await archive.openFile(file)
  const parser = parse({
    bom: true,
    columns: (header: readonly string[]) => header.map((name) => name.trim()),
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
  })
  const finished = pipeline(stream, parser)
  // Told by the iterator too.
  finished.catch(() => {})
  const iterator = parser[Symbol.asyncIterator]() as AsyncIterator<CsvRow> // by its columns
  return {
    next: async () => await iterator.next(),
    end: () => {
      stream.destroy()
      parser.destroy()
    },
  }
}

async function readAll(archive: Archive, file: string, count: number): Promise<CsvRow[]> {
  const rows = await openRows(archive, file)
  const taken = await take(rows, { count, file, signal: new AbortController().signal })
  rows.end()
  return taken
}

async function getRoles(reading: Reading): Promise<ReadonlyMap<string, CsvRole[]> | undefined> {
  if (!reading.manifest.hasRoles) return undefined
  reading.roles ??= readRoles(reading.archive)
  return await reading.roles
}

async function readRoles(archive: Archive): Promise<Map<string, CsvRole[]>> {
  const roles = new Map<string, CsvRole[]>()
  for (const row of await readAll(archive, rolesFile, Number.POSITIVE_INFINITY)) {
    if ((row['status'] ?? '').trim().toLowerCase() === 'tobedeleted') continue
    const { userSourcedId = '', role = '', roleType = '', orgSourcedId: orgId = '' } = row
    const held = roles.get(userSourcedId)
    if (held) held.push({ role, roleType, orgId })
    else roles.set(userSourcedId, [{ role, roleType, orgId }])
  }
  return roles
}

function assertThere({ names }: Archive, file: string): void {
  if (!names.has(file)) throwInvalid(`it has no "${file}", of which its manifest speaks`)
}

function parseCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  try {
    return cursorSchema.parse(JSON.parse(cursor)).record
  } catch {
    return throwInvalid('it has no such place')
  }
}
