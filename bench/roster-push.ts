import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createLogger } from '../config/log.ts'
import { createHttpClient } from '../connectors/http/client.ts'
import { toPersonBody } from '../connectors/scim/resource.ts'
import { createScimTarget } from '../connectors/scim/target.ts'
import type { PersonOrder, ScimPerson } from '../core/roster/target.ts'
import { pushPlainly, type Pushed } from './plain-scim-client.ts'
import { median, timeMs, type BenchReport, type BenchRow } from './report.ts'

const PEOPLE = 10_000
const CONCURRENCY = 8
const BATCH_SIZE = 100

const serverPath = fileURLToPath(new URL('./scim-server.js', import.meta.url))

type Rates = { readonly plain: number; readonly single: number; readonly bulk: number }

/**
 * New users a second through the SCIM client, one call each and in bulks of 100, to a stand-in of
 * its own process; beside a pooled client that posts the same bodies as often at once.
 */
export async function rosterPushBench({
  repeats,
}: {
  readonly repeats: number
}): Promise<BenchReport> {
  const people = Array.from({ length: PEOPLE }, (_, index) => createPerson(index))
  await measure(people.slice(0, 1_000))
  const rates: Rates[] = []
  for (let run = 0; run < repeats; run += 1) rates.push(await measure(people))
  const middle = {
    plain: median(rates.map(({ plain }) => plain)),
    single: median(rates.map(({ single }) => single)),
    bulk: median(rates.map(({ bulk }) => bulk)),
  }
  const rows = rates.map((one, index) => toRow(`run ${index + 1}`, one))
  return {
    name: 'roster-push',
    against: `a plain pooled client with the same ${PEOPLE} bodies, ${CONCURRENCY} at once`,
    rows: [...rows, toRow('median', middle)],
  }
}

async function measure(people: readonly ScimPerson[]): Promise<Rates> {
  const perSecond = (ms: number): number => (people.length * 1_000) / ms
  const bodies = people.map((one) => toPersonBody(one, { withEnterprise: true }))
  return {
    plain: perSecond(
      await withServer('no-bulk', async (server) => {
        return await timeMs(
          async () => await pushPlainly(bodies, { ...server, concurrency: CONCURRENCY }),
        )
      }),
    ),
    single: perSecond(await withServer('no-bulk', async (server) => await push(people, server))),
    bulk: perSecond(await withServer('bulk', async (server) => await push(people, server))),
  }
}

async function push(people: readonly ScimPerson[], server: Pushed): Promise<number> {
  const log = createLogger({ level: 'silent', name: 'bench', pretty: false })
  const http = createHttpClient({ allowPrivateTargets: true, log })
  const target = createScimTarget({
    baseUrl: server.url,
    auth: { type: 'bearer', token: server.token },
    adopt: 'externalId',
    http,
    batchSize: BATCH_SIZE,
    maxAttempts: 3,
    concurrency: CONCURRENCY,
    log,
  })
  const orders = people.map((after): PersonOrder => ({ op: 'create', id: after.externalId, after }))
  let done = 0
  const { signal } = new AbortController()
  const ms = await timeMs(async () => {
    await target.writePeople(orders, {
      signal,
      onVerdicts: async (verdicts) => {
        done += verdicts.filter(({ outcome }) => outcome === 'done').length
        await Promise.resolve()
      },
    })
  })
  target.close()
  http.close()
  if (done !== people.length) throw new Error(`Cannot measure: only ${done} were written`)
  return ms
}

async function withServer(
  mode: 'bulk' | 'no-bulk',
  work: (server: Pushed) => Promise<number>,
): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [serverPath, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    if (!child.stdout) throw new Error('Cannot read what the server says')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return await work(JSON.parse(line.toString()) as Pushed) // its one line
  } finally {
    child.kill()
    await exited
  }
}

function createPerson(index: number): ScimPerson {
  const number = String(100_000 + index)
  const userName = `person${number}@spring-valley.example`
  return {
    externalId: `clever:58da8c63d7dc0ca06800${number}`,
    userName,
    name: { givenName: `Given${number}`, familyName: `Family${number}` },
    displayName: `Given${number} Family${number}`,
    emails: [{ value: userName, primary: true }],
    active: true,
    userType: 'student',
    roles: [{ value: 'student' }],
    enterprise: { employeeNumber: number, organization: 'Spring Valley', division: 'North' },
  }
}

function toRow(run: string, { plain, single, bulk }: Rates): BenchRow {
  return {
    run,
    'plain users/s': Math.round(plain),
    'one by one users/s': Math.round(single),
    'in bulks users/s': Math.round(bulk),
    'one by one / plain': single / plain,
    'in bulks / plain': bulk / plain,
  }
}
