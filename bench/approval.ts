import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { pino } from 'pino'
import { installRuntime } from '../workers/runtime.ts'
import { fillInbox, openSite, SUBJECT_HASH, voters, type ApprovalSite } from './approval-site.ts'
import { median, quantile, timeMs, type Bench, type BenchRow } from './report.ts'
import { startStack } from './stack.ts'

const ONE_BY_ONE = 30
// Of the first ones the code is loaded and compiled.
const WARM_UP = 5
const AT_ONCE = 500
const STALE = 3
const LANES = 16
const PENDING = 10_000
const PAGES = 200
const PEER_QUEUE = 'bench-counter'

type Peer = { readonly update: () => Promise<unknown>; readonly close: () => Promise<void> }

/**
 * Approvals by HTTP: from open to decided with three votes, single votes, 500 at once with bulk
 * votes, and the inbox with 10,000 pending; votes against a bare update on the same server.
 */
export const approvalBench: Bench = async ({ repeats }) => {
  const stack = await startStack()
  const site = await openSite(stack)
  const peer = await startPeer(stack.temporalAddress)
  try {
    const rows: BenchRow[] = []
    await voteOneByOne(site, peer, WARM_UP)
    const rounds: Samples[] = []
    for (let round = 1; round <= repeats; round += 1) {
      const samples = await voteOneByOne(site, peer, ONE_BY_ONE)
      rounds.push(samples)
      rows.push(...toVoteRows(samples, round))
    }
    rows.push(
      toRow(
        'vote, all rounds',
        rounds.flatMap(({ votes }) => votes),
      ),
    )
    rows.push(...(await measureInbox(site)))
    // Last: what it leaves to be done would burden all others.
    for (let round = 1; round <= repeats; round += 1) {
      rows.push(...(await measureMany(site, round)))
    }
    const against = 'an update of an empty workflow through the bare SDK on the same server'
    return { name: 'approval', against, rows }
  } finally {
    await peer.close()
    await site.close()
    await stack.stop()
  }
}

type Samples = {
  readonly whole: readonly number[]
  readonly votes: readonly number[]
  readonly updates: readonly number[]
}

async function voteOneByOne(site: ApprovalSite, peer: Peer, approvals: number): Promise<Samples> {
  const whole: number[] = []
  const votes: number[] = []
  const updates: number[] = []
  for (let n = 0; n < approvals; n += 1) {
    const ms = await timeMs(async () => {
      const id = await site.open()
      for (const voter of voters) {
        votes.push(await timeMs(async () => await site.vote(voter, id)))
      }
    })
    whole.push(ms)
    for (const _ of voters) updates.push(await timeMs(peer.update))
  }
  return { whole, votes, updates }
}

function toVoteRows({ whole, votes, updates }: Samples, round: number): BenchRow[] {
  return [
    toRow('open to decided, 3 votes', whole, round),
    { ...toRow('vote', votes, round), ratio: median(votes) / median(updates) },
    toRow('bare update', updates, round),
  ]
}

async function measureMany(site: ApprovalSite, round: number): Promise<BenchRow[]> {
  const ids: string[] = []
  let left = AT_ONCE
  const openMs = await timeMs(async () => {
    const lanes = Array.from({ length: LANES }, async () => {
      while (left-- > 0) ids.push(await site.open())
    })
    await Promise.all(lanes)
  })
  const votes = ids.map((id, index) => ({
    id,
    verdict: 'approve',
    reason: 'Checked',
    subjectHash: index < STALE ? 'stale' : SUBJECT_HASH,
  }))
  let refused = 0
  const voteMs = await timeMs(async () => {
    const results = await site.bulkVote('ada', votes)
    refused = results.filter(({ status }) => status === 409).length
  })
  return [
    { what: `${AT_ONCE} opened at once`, round, 'total s': openMs / 1000 },
    { what: `${AT_ONCE} bulk votes`, round, 'total s': voteMs / 1000, refused },
  ]
}

async function measureInbox(site: ApprovalSite): Promise<BenchRow[]> {
  const pending = await fillInbox(site.db, { like: await site.open(), upTo: PENDING })
  const first: number[] = []
  const deep: number[] = []
  let cursor: string | undefined
  await site.readInbox('grace')
  for (let n = 0; n < PAGES; n += 1) {
    first.push(await timeMs(async () => await site.readInbox('grace')))
    deep.push(
      await timeMs(async () => {
        cursor = (await site.readInbox('grace', cursor)).next ?? undefined
      }),
    )
  }
  return [
    { what: `first page of 50, ${pending} pending`, ...toFigures(first) },
    { what: `pages in turn, ${pending} pending`, ...toFigures(deep) },
  ]
}

async function startPeer(address: string): Promise<Peer> {
  installRuntime(pino({ level: 'silent' }))
  const connection = await NativeConnection.connect({ address })
  const workflowsPath = fileURLToPath(new URL('./approval-workflows.js', import.meta.url))
  const worker = await Worker.create({ connection, taskQueue: PEER_QUEUE, workflowsPath })
  const run = worker.run()
  const clientConnection = await Connection.connect({ address })
  const client = new Client({ connection: clientConnection })
  const handle = await client.workflow.start('counter', {
    workflowId: 'bench-counter',
    taskQueue: PEER_QUEUE,
  })
  return {
    update: async () => await handle.executeUpdate('count', { args: [1] }),
    async close() {
      await handle.signal('end')
      worker.shutdown()
      await run
      await Promise.all([connection.close(), clientConnection.close()])
    },
  }
}

function toRow(what: string, samples: readonly number[], round?: number): BenchRow {
  return { what, ...(round !== undefined && { round }), ...toFigures(samples) }
}

function toFigures(samples: readonly number[]): BenchRow {
  return { 'p50 ms': median(samples), 'p99 ms': quantile(samples, 0.99) }
}
