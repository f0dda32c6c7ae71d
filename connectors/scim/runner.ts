import { setMaxListeners } from 'node:events'
import type { WriteOptions } from '../../core/roster/target.ts'
import { sendBulk } from './bulk.ts'
import { isRecordError, type Tries } from './calls.ts'
import type { Creating } from './create.ts'
import { Outbox } from './outbox.ts'
import type { BulkOperation, Plan } from './plan.ts'
import { runPool } from './pool.ts'
import { assertGoing } from './waiting.ts'

export type Running = Omit<Creating, 'context'> & {
  readonly batchSize: number
  readonly concurrency: number
}

type Run<V> = Running & {
  readonly signal: AbortSignal
  readonly outbox: Outbox<V>
  readonly stop: () => void
}

type Step<V> = { readonly plan: Plan<V>; readonly tries: Tries; readonly isUnsure: boolean }

/**
 * Carries out all plans, in bulks where the target has them. What concerns all of them ends the rest
 * and is thrown, once the verdicts of what is done have been handed over.
 */
export async function runPlans<V>(
  plans: readonly Plan<V>[],
  running: Running,
  { signal, onVerdicts }: WriteOptions<V>,
): Promise<void> {
  assertGoing(signal)
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  setMaxListeners(0, controller.signal)
  signal.addEventListener('abort', stop, { once: true })
  const outbox = new Outbox(onVerdicts, { batchSize: running.batchSize, onFailure: stop })
  const run = { ...running, signal: controller.signal, outbox, stop }
  try {
    for (const round of toRounds(plans)) await runRound(round, run)
  } finally {
    signal.removeEventListener('abort', stop)
    await outbox.flush()
  }
}

// What writes to the same account or group comes one after the other.
function toRounds<V>(plans: readonly Plan<V>[]): Plan<V>[][] {
  const rounds: Plan<V>[][] = []
  const depths = new Map<string, number>()
  for (const plan of plans) {
    const depth = plan.scimId === undefined ? 0 : (depths.get(plan.scimId) ?? 0)
    if (plan.scimId !== undefined) depths.set(plan.scimId, depth + 1)
    const round = (rounds[depth] ??= [])
    round.push(plan)
  }
  return rounds
}

async function runRound<V>(plans: readonly Plan<V>[], run: Run<V>): Promise<void> {
  const steps = plans.map((plan) => ({ plan, tries: { count: 0 }, isUnsure: false }))
  const { bulk } = run.capabilities
  if (!bulk || steps.length === 1) {
    await runAlone(steps, run)
    return
  }
  const size = Math.min(run.batchSize, bulk.maxOperations)
  const chunks = Array.from({ length: Math.ceil(steps.length / size) }, (_, index) =>
    steps.slice(index * size, (index + 1) * size),
  )
  const pool = { width: run.concurrency, onError: run.stop }
  await runPool(chunks, pool, async (chunk) => await runInBulk(chunk, run))
}

async function runAlone<V>(steps: readonly Step<V>[], run: Run<V>): Promise<void> {
  const pool = { width: run.concurrency, onError: run.stop }
  await runPool(steps, pool, async ({ plan, tries, isUnsure }) => {
    const creating = toCreating(run, tries)
    await run.outbox.add(
      await catchRefusal(plan, creating, async () => await plan.write(creating, { isUnsure })),
    )
  })
}

async function runInBulk<V>(steps: readonly Step<V>[], run: Run<V>): Promise<void> {
  const alone: Step<V>[] = []
  const sent: { readonly step: Step<V>; readonly operation: BulkOperation }[] = []
  const verdicts: V[] = []
  await runPool(steps, { width: run.concurrency, onError: run.stop }, async (step) => {
    const prepared = await prepare(step, run)
    if (prepared === 'alone') alone.push(step)
    else if ('verdict' in prepared) verdicts.push(prepared.verdict)
    else sent.push({ step, operation: prepared })
  })
  const tries = { count: 0 }
  const results = await sendBulk(
    sent.map(({ operation }) => operation),
    run,
    { signal: run.signal, tries },
  )
  for (const [index, { step }] of sent.entries()) {
    const result = results[index] ?? { outcome: 'unknown' }
    step.tries.count += 1
    const scimId = result.outcome === 'done' ? (result.scimId ?? step.plan.scimId) : undefined
    if (scimId !== undefined) {
      verdicts.push(step.plan.accept(scimId, toCreating(run, step.tries)))
    } else alone.push({ ...step, isUnsure: result.outcome !== 'refused' })
  }
  if (verdicts.length > 0) await run.outbox.add(...verdicts)
  // Alone, each gets the treatment that its own answer asks for.
  await runAlone(alone, run)
}

async function prepare<V>(
  { plan, tries }: Step<V>,
  run: Run<V>,
): Promise<BulkOperation | { readonly verdict: V } | 'alone'> {
  const creating = toCreating(run, tries)
  try {
    return await plan.prepare(creating)
  } catch (error) {
    if (!isRecordError(error)) throw error
    return { verdict: plan.refuse({ code: error.code, message: error.message }, creating) }
  }
}

async function catchRefusal<V>(
  plan: Plan<V>,
  creating: Creating,
  work: () => Promise<V>,
): Promise<V> {
  try {
    return await work()
  } catch (error) {
    if (!isRecordError(error)) throw error
    return plan.refuse({ code: error.code, message: error.message }, creating)
  }
}

function toCreating(run: Running & { readonly signal: AbortSignal }, tries: Tries): Creating {
  const { calls, capabilities, directory, adopt, signal } = run
  return { calls, capabilities, directory, adopt, context: { signal, tries } }
}
