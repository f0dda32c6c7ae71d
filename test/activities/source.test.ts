import { randomUUID } from 'node:crypto'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createSourceActivities, type SourceActivities } from '../../activities/source.ts'
import type { ProfileSource } from '../../core/source/source.ts'
import {
  beginReading,
  endReading,
  findSourceRun,
  setSourceRunApproval,
  type SourceRun,
} from '../../db/source/runs.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let activities: SourceActivities

beforeAll(async () => {
  database = await createTestDatabase()
  const refuse = async (): Promise<never> => await Promise.reject(new Error('Cannot be asked'))
  const source: ProfileSource = {
    name: 'staff',
    publisher: 'hris',
    guard: { count: 1, share: 0.2 },
    matchesBy: 'primary_email',
    creates: false,
    read: refuse,
    close: async () => await Promise.resolve(),
  }
  activities = createSourceActivities({
    db: database.db,
    sources: new Map([[source.name, source]]),
    intake: refuse,
  })
})
beforeEach(async () => {
  await database.db.query('truncate source_runs cascade')
})
afterAll(async () => await database.close())

type Earlier = Partial<Pick<SourceRun, 'mode' | 'state' | 'dryRun' | 'watermark'>> & {
  readonly hoursAgo: number
}

async function addRun(earlier: Earlier): Promise<string> {
  const { mode = 'full', state = 'succeeded', dryRun = false, watermark = 'w', hoursAgo } = earlier
  const id = randomUUID()
  await database.db.query(
    `insert into source_runs (id, source, publisher, mode, state, dry_run, watermark, started_by,
       request_id, read, created_at, read_at, ended_at)
     values ($1, 'staff', 'hris', $2, $3, $4, $5, 'test', 'r', 3,
       now() - make_interval(mins => $6), now() - make_interval(mins => $6),
       case when $3 <> 'reading' then now() - make_interval(mins => $6) end)`,
    [id, mode, state, dryRun, watermark, hoursAgo * 60],
  )
  return id
}

async function open(): Promise<SourceRun | undefined> {
  const opened = await new MockActivityEnvironment().run(activities.openSourceRun, {
    source: 'staff',
  })
  const { runId } = opened as Awaited<ReturnType<SourceActivities['openSourceRun']>> // lost in `run`
  return runId === undefined ? undefined : await findSourceRun(database.db, runId)
}

test.each<[string, readonly Earlier[], SourceRun['mode']]>([
  ['that was never read', [], 'full'],
  ['that was read whole of late', [{ hoursAgo: 23 }], 'incremental'],
  ['that was read whole a day ago', [{ hoursAgo: 24.1 }], 'full'],
  [
    'of which only changes were read since',
    [{ hoursAgo: 30 }, { hoursAgo: 1, mode: 'incremental' }],
    'full',
  ],
  [
    'of which some were left out',
    [{ hoursAgo: 5 }, { hoursAgo: 1, mode: 'incremental', state: 'partial' }],
    'incremental',
  ],
  ['that has no mark to read on from', [{ hoursAgo: 1, watermark: null }], 'full'],
  ['whose only run has failed', [{ hoursAgo: 1, state: 'failed' }], 'full'],
  ['whose only run is held', [{ hoursAgo: 1, state: 'held' }], 'full'],
  ['that was read for a look alone', [{ hoursAgo: 1, dryRun: true }], 'full'],
])('the schedule of a source %s opens the run that is due', async (_, earlier, mode) => {
  for (const run of earlier) await addRun(run)
  expect(await open()).toMatchObject({ mode, startedBy: 'schedule', dryRun: false })
})

test('the schedule opens none beside a run that is under way', async () => {
  await addRun({ hoursAgo: 1, state: 'reading' })
  expect(await open()).toBeUndefined()
})

test('the run of a schedule knows the workflow that does it', async () => {
  const run = await open()
  const { rows } = await database.db.query<{ id: string }>(
    'select workflow_id as id from source_runs where id = $1',
    [run?.id],
  )
  const { info } = new MockActivityEnvironment().context
  expect(rows).toEqual([{ id: info.workflowExecution?.workflowId }])
})

test('a source that this worker does not have is named', async () => {
  const opened = new MockActivityEnvironment().run(activities.openSourceRun, { source: 'other' })
  await expect(opened).rejects.toMatchObject({ code: 'unknown_source' })
})

// Attempts whose answer was lost run again, whatever the vote came to meanwhile.
test('what was held is neither read again nor posted by the workflow that compared it', async () => {
  const runId = await addRun({ hoursAgo: 1, state: 'posting' })
  await setSourceRunApproval(database.db, runId, randomUUID())
  const environment = new MockActivityEnvironment()
  expect(await environment.run(activities.compareSource, { runId })).toMatchObject({
    state: 'held',
  })
  const read = { since: undefined, at: new Date() }
  expect(await beginReading(database.db, runId, read)).toBe(false)
  await endReading(database.db, runId, { read: 1, watermark: undefined })
  expect(await findSourceRun(database.db, runId)).toMatchObject({ state: 'posting', read: 3 })
})
