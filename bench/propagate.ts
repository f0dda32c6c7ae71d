import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { slapdPlaces, startDemoDirectory, type DemoDirectory } from '../cli/demo/stand-ins/slapd.ts'
import { startAuth0StandIn } from './auth0-stand-in.ts'
import { openChangeWatch, type ChangeWatch } from './change-watch.ts'
import { fillVault, keysOf } from './person-vault.ts'
import { openPublisher, type BenchPublisher } from './profile-publisher.ts'
import { median, quantile, type BenchReport, type BenchRow } from './report.ts'
import { startStack } from './stack.ts'

const PERSONS = 500
const IDLE_CHANGES = 100
const IDLE_PAUSE_MS = 50
const RATE_PER_SECOND = 10
const RATE_SECONDS = 20
const BURST = 200
const LATENCY_MS = 20
const DOWN = 'down'

/**
 * From a change's request to its last sink: idle, at a rate, and many changes of one person; the same
 * once more beside a sink that is down. Sinks are a table, an Auth0 that answers in 20 ms, and a
 * directory where slapd is installed.
 */
export async function propagateBench({
  repeats,
}: {
  readonly repeats: number
}): Promise<BenchReport> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-bench-sinks-'))
  const auth0 = await startAuth0StandIn(LATENCY_MS)
  const program = await findSlapd()
  if (program === undefined) process.stderr.write('slapd is not installed: measured without LDAP\n')
  const ldap =
    program === undefined ? undefined : await startDemoDirectory(program, join(directory, 'slapd'))
  const live = [
    { name: 'people', kind: 'sql' },
    createAuth0Sink('auth0', auth0.url),
    ...(ldap ? [createLdapSink(ldap)] : []),
  ]
  // Nobody listens at port 1.
  const down = createAuth0Sink(DOWN, 'http://127.0.0.1:1')
  try {
    const rows = [
      ...(await measureWith(live, { directory, repeats, title: 'all up' })),
      ...(await measureWith([...live, down], {
        directory,
        repeats: 1,
        title: 'one down',
        down: DOWN,
      })),
    ]
    return { name: 'propagate', against: 'the same run with all sinks up', rows }
  } finally {
    await ldap?.close()
    await auth0.close()
    await rm(directory, { recursive: true, force: true })
  }
}

type Setting = {
  /** The sink that never answers, if there is one. */
  readonly down?: string
  readonly directory: string
  readonly repeats: number
  readonly title: string
}

async function measureWith(
  sinks: readonly object[],
  { directory, repeats, title, down }: Setting,
): Promise<BenchRow[]> {
  const file = join(directory, 'sinks.json')
  await writeFile(file, JSON.stringify(sinks))
  const stack = await startStack({ SINKS_FILE: file, BENCH_AUTH0_SECRET: 'bench' })
  let watch: ChangeWatch | undefined
  try {
    await fillVault(stack.databaseUrl, PERSONS)
    const publisher = await openPublisher(stack, 'mozilliansorg')
    watch = await openChangeWatch(stack.databaseUrl)
    const bed = { publisher, watch, down }
    await changeOne(bed, { person: 1, title: 'warm-up' })
    const rows: BenchRow[] = []
    for (let run = 1; run <= repeats; run += 1) {
      rows.push(...(await measure(bed, { run, title })))
    }
    return rows
  } finally {
    await watch?.close()
    await stack.stop()
  }
}

type Bed = {
  readonly publisher: BenchPublisher
  readonly watch: ChangeWatch
  readonly down: string | undefined
}
type Run = { readonly run: number; readonly title: string }

async function measure(bed: Bed, { run, title }: Run): Promise<BenchRow[]> {
  const idle: number[] = []
  for (let change = 0; change < IDLE_CHANGES; change += 1) {
    const person = 1 + (change % PERSONS)
    idle.push(await changeOne(bed, { person, title: `idle ${run} ${change}` }))
    await delay(IDLE_PAUSE_MS)
  }
  const rated = Array.from({ length: RATE_PER_SECOND * RATE_SECONDS }, async (_, change) => {
    await delay((change * 1_000) / RATE_PER_SECOND)
    return await changeOne(bed, { person: 200 + change, title: `rate ${run} ${change}` })
  })
  const rateMs = await Promise.all(rated)
  const deliveries = await countDeliveries(bed, run)
  return [
    {
      run: `${title} ${run}`,
      'idle p50 ms': median(idle),
      'idle p99 ms': quantile(idle, 0.99),
      'at 10/s p50 ms': median(rateMs),
      'at 10/s p99 ms': quantile(rateMs, 0.99),
      'deliveries of 200': deliveries,
    },
  ]
}

type OneChange = { readonly person: number; readonly title: string }

/** Posts a change and answers after how long every sink that is up had it, in milliseconds. */
async function changeOne(
  { publisher, watch, down }: Bed,
  { person, title }: OneChange,
): Promise<number> {
  const body = await publisher.sign({ fun_title: title })
  const startedMs = performance.now()
  const serial = await publisher.post(keysOf(person).user_id, body)
  await watch.settle(serial, down)
  return performance.now() - startedMs
}

// The most that a sink got of a burst of changes of one person.
async function countDeliveries({ publisher, watch, down }: Bed, run: number): Promise<number> {
  const { user_id } = keysOf(PERSONS)
  // Requests overtake each other: none of them may be older than another.
  const at = new Date()
  const bodies: string[] = []
  for (let change = 0; change < BURST; change += 1) {
    bodies.push(await publisher.sign({ fun_title: `burst ${run} ${change}` }, at))
  }
  const serials = await Promise.all(
    bodies.map(async (body, change) => {
      await delay((change * 1_000) / BURST)
      return await publisher.post(user_id, body)
    }),
  )
  const settled = await Promise.all(serials.map(async (serial) => await watch.settle(serial, down)))
  const counts = new Map<string, number>()
  for (const [name, state] of settled.flatMap((states) => [...states])) {
    if (state === 'succeeded') counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return Math.max(...counts.values())
}

async function findSlapd(): Promise<string | undefined> {
  for (const path of slapdPlaces) {
    const found = await stat(path).catch(() => undefined)
    if (found) return path
  }
  return undefined
}

function createLdapSink({ url, baseDn, bindDn, bindPassword }: DemoDirectory): object {
  return {
    name: 'directory',
    kind: 'ldap',
    url,
    bindDn,
    bindPassword,
    userDn: `uid={user_id},${baseDn}`,
    attributes: { cn: '{first_name} {last_name}', sn: '{last_name}', title: '{fun_title}' },
  }
}

function createAuth0Sink(name: string, baseUrl: string): object {
  return {
    name,
    kind: 'auth0',
    baseUrl,
    clientId: 'bench',
    clientSecret: { env: 'BENCH_AUTH0_SECRET' },
  }
}
