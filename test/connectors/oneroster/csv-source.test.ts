import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { writeDistrictArchive } from '../../../cli/sample-district/csv-archive.ts'
import {
  openOneRosterCsv,
  type OneRosterCsvSource,
} from '../../../connectors/oneroster/csv-source.ts'
import { rosterCollections } from '../../../core/roster/record.ts'
import { applyChanges, listRecords, type District } from '../../../core/sample/district.ts'
import { drawMutations, mutateDistrict } from '../../../core/sample/district-mutations.ts'
import {
  applyEntries,
  createTestDistrict,
  pull,
  type RosterState,
} from '../../support/roster-servers.ts'

type Files = Readonly<Record<string, string>>

const MANIFEST = 'propertyName,value\r\nfile.orgs,bulk\r\nfile.users,bulk\r\n'
const ORGS = 'sourcedId,status,dateLastModified,name,type,identifier\r\ns/1,,,School,school,\r\n'
const USERS =
  'sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,givenName,familyName,grades,password\r\n'

let directory: string
let path: string
let source: OneRosterCsvSource | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-csv-'))
  path = join(directory, 'roster.zip')
})
afterEach(async () => {
  source?.close()
  source = undefined
  await rm(directory, { recursive: true })
})

async function zip(files: Files): Promise<string> {
  const archive = new ZipFile()
  for (const [name, content] of Object.entries(files)) archive.addBuffer(Buffer.from(content), name)
  archive.end()
  await pipeline(archive.outputStream, createWriteStream(path))
  return path
}

async function open(files: Files): Promise<OneRosterCsvSource> {
  source = await openOneRosterCsv(await zip(files))
  return source
}

/** In the tables of 1.1 a person has one role. */
function expectedState(district: District): RosterState {
  const state = new Map<string, unknown>()
  for (const collection of rosterCollections) {
    for (const { record, isGone } of listRecords(district, collection)) {
      if (isGone) continue
      const isBoth = 'roles' in record && record.roles.length > 1
      state.set(`${collection} ${record.id}`, isBoth ? { ...record, roles: ['teacher'] } : record)
    }
  }
  return state
}

test('a bulk archive is a full pull of everything in it, and a delta one of what changed', async () => {
  let district = createTestDistrict('oneroster')
  const since = '2026-10-01T00:00:00.000Z'
  await writeDistrictArchive(district, createWriteStream(path))
  source = await openOneRosterCsv(path)
  expect(source.mode).toBe('full')
  let state = applyEntries(new Map(), (await pull(source)).entries)
  expect(state).toEqual(expectedState(district))
  source.close()

  for (const mutation of drawMutations(6, { count: 20, at: '2026-11-01T00:00:00.000Z' })) {
    district = applyChanges(district, mutateDistrict(district, mutation).changes)
  }
  await writeDistrictArchive(district, createWriteStream(path), { since })
  source = await openOneRosterCsv(path)
  expect(source.mode).toBe('incremental')
  state = applyEntries(state, (await pull(source, 'incremental')).entries)
  expect(state).toEqual(expectedState(district))
})

test('pages go on where they stopped, also with a source of their own', async () => {
  const district = createTestDistrict('oneroster', { users: 1_000 })
  await writeDistrictArchive(district, createWriteStream(path))
  source = await openOneRosterCsv(path)
  const whole = await pull(source)
  const { signal } = new AbortController()
  const cursor = JSON.stringify({ record: 5_000 })
  const other = await openOneRosterCsv(path)
  const request = { mode: 'full', stream: 'enrollments', cursor, signal } as const
  const page = await other.readPage(request)
  other.close()
  const enrollments = whole.entries.filter(
    (entry) => entry.op === 'put' && entry.collection === 'enrollments',
  )
  expect(page.entries).toEqual(enrollments.slice(5_000, 10_000))
  expect(whole.pages.length).toBeGreaterThan(6)
})

test('roles of 1.2 stand in a file of their own', async () => {
  const files = {
    'manifest.csv': `${MANIFEST}file.roles,bulk\r\n`,
    'orgs.csv': ORGS,
    'users.csv':
      '\uFEFFsourcedId,status,enabledUser,givenName,familyName\r\nu|1,,true,Ada,Chen\r\n',
    'roles.csv':
      'sourcedId,status,userSourcedId,roleType,role,orgSourcedId\r\nr1,,u|1,secondary,aide,s/2\r\nr2,,u|1,primary,teacher,s/1\r\n',
  }
  const { entries } = await pull(await open(files))
  expect(entries.at(-1)).toMatchObject({
    collection: 'users',
    record: { id: 'u|1', roles: ['aide', 'teacher'], schoolIds: ['s/1', 's/2'] },
  })
})

test('bad records are faults without their values, and the others go on', async () => {
  const users = `${USERS},,,true,s/1,student,x,No,Id,05,secret\r\nu2,,,true,s/1,,x,Secret,Name,05,secret\r\nu3,,,FALSE,"s/1,s/2",student,x,"Ada ""A""",Chen,"05,06",secret\r\n`
  const { faults, entries } = await pull(
    await open({ 'manifest.csv': MANIFEST, 'orgs.csv': ORGS, 'users.csv': users }),
  )
  expect(faults.map(({ id, code }) => [id, code])).toEqual([
    ['', 'missing_id'],
    ['u2', 'missing_role'],
  ])
  expect(entries.at(-1)).toMatchObject({
    record: {
      id: 'u3',
      isEnabled: false,
      givenName: 'Ada "A"',
      grades: ['05', '06'],
      schoolIds: ['s/1', 's/2'],
    },
  })
  expect(JSON.stringify({ faults, entries })).not.toContain('ecret')
})

test.each<readonly [string, Files]>([
  ['a path that leads out', { 'manifest.csv': MANIFEST, 'x/../../evil.csv': ORGS }],
  ['a file in a folder', { 'manifest.csv': MANIFEST, 'folder/orgs.csv': ORGS }],
  ['a file that is no CSV', { 'manifest.csv': MANIFEST, 'run.sh': 'echo' }],
  ['no manifest', { 'orgs.csv': ORGS }],
  ['a manifest of nothing', { 'manifest.csv': 'propertyName,value\r\n' }],
  ['a manifest of files that are missing', { 'manifest.csv': MANIFEST, 'orgs.csv': ORGS }],
  [
    'a state that is unknown',
    { 'manifest.csv': 'propertyName,value\r\nfile.orgs,most\r\n', 'orgs.csv': ORGS },
  ],
  ['a bomb', { 'manifest.csv': MANIFEST, 'orgs.csv': 'a'.repeat(8 * 1024 * 1024) }],
  [
    'a hundred files',
    Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`f${index}.csv`, ''])),
  ],
])('an archive with %s is refused before anything of it is read', async (_, files) => {
  // The library that packs refuses such paths, too.
  const named = Object.keys(files).some((name) => name.includes('..'))
  const safe = named
    ? Object.fromEntries(
        Object.entries(files).map(([name, text]) => [name.replaceAll('..', 'ZZ'), text]),
      )
    : files
  await zip(safe)
  if (named)
    await writeFile(
      path,
      (await readFile(path)).toString('latin1').replaceAll('ZZ', '..'),
      'latin1',
    )
  await expect(openOneRosterCsv(path)).rejects.toMatchObject({
    code: 'invalid_archive',
    status: 422,
  })
})

test.each([
  ['that leads out', 'x/ZZ/ZZ/evil.csv', '..'],
  ['of another machine', 'ZZ/evil.csv', 'C:'],
])('an archive with a path %s is told what is wrong', async (_, name, to) => {
  await zip({ 'manifest.csv': MANIFEST, [name]: ORGS })
  await writeFile(path, (await readFile(path)).toString('latin1').replaceAll('ZZ', to), 'latin1')
  await expect(openOneRosterCsv(path)).rejects.toThrow('a file in it is not a CSV file at its top')
})

test.each([
  ['no zip at all', Buffer.from('hello')],
  ['an empty file', Buffer.alloc(0)],
])('%s is refused', async (_, content) => {
  await writeFile(path, content)
  await expect(openOneRosterCsv(path)).rejects.toMatchObject({ code: 'invalid_archive' })
})

test('a pull that nobody waits for ends', async () => {
  const files = { 'manifest.csv': MANIFEST, 'orgs.csv': ORGS, 'users.csv': USERS }
  const stopped = await open(files)
  const request = { mode: 'full', stream: 'users', cursor: undefined } as const
  await expect(stopped.readPage({ ...request, signal: AbortSignal.abort() })).rejects.toMatchObject(
    { code: 'call_aborted' },
  )
})

test('a file whose quotes never close fails the pull instead of ending it', async () => {
  const users = `${USERS}u1,,,true,s/1,student,x,"Ada,Chen,05,\r\n`
  const broken = await open({ 'manifest.csv': MANIFEST, 'orgs.csv': ORGS, 'users.csv': users })
  await expect(pull(broken)).rejects.toMatchObject({ code: 'invalid_archive' })
})
