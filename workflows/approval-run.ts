import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  condition,
  patched,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow'
import type { Verdict } from '../core/approval/approval.ts'
import {
  judgeSignal,
  judgeVote,
  lookAtApproval,
  failApproval,
  proxyEffect,
  settleApproval,
} from './approval-activities.ts'
import { showStanding, type SignalAnswer, type Standing } from './approval-standing.ts'
import { codeOf } from './failure-code.ts'
import type { VoteAnswer, VoteMessage } from './messages.ts'

export type ApprovalRunOptions = {
  readonly approvalId: string
  readonly subjectHash: string
  /** How the approval stands as it is opened with this run: there is nothing to look up then. */
  readonly opened?: { readonly standing: Standing; readonly atMs: number }
  /** How the approval stood when an earlier run left off. */
  readonly standing?: Standing
  /** Votes after which another run goes on; only the server's own suggestion counts unless said. */
  readonly maxVotes?: number
  /** Of the effect, before it counts as failed; 10 unless said. */
  readonly applyAttempts?: number
}

/** `paused`: this run's history is long; another one has to go on. */
export type ApprovalOutcome = 'ended' | 'failed' | 'paused'

type WaitingSignal = { readonly verdict: Verdict; readonly payload: unknown }

const APPLY_ATTEMPTS = 10
const STAGE_PATCH = 'look-at-next-stage'
const ENDED_STATES: ReadonlySet<string> = new Set([
  'approved',
  'applying',
  'applied',
  'apply-failed',
  'denied',
  'expired',
  'withdrawn',
  'superseded',
  'revoked',
])

/** One approval's run: it judges votes as they come and does what is due; what counts is in the database. */
export class ApprovalRun {
  readonly #options: ApprovalRunOptions
  readonly #signals: WaitingSignal[] = []
  #standing: Standing | undefined
  #lastSignal: SignalAnswer | undefined
  #isChanged: boolean
  #votes = 0
  #failures = 0

  constructor(options: ApprovalRunOptions) {
    const { opened, standing } = options
    this.#options = options
    this.#standing = standing
    this.#isChanged = opened === undefined
    if (opened) this.#note(sinceThen(opened))
  }

  get standing(): Standing | undefined {
    return this.#standing
  }

  /** Refuses at once what can never be taken; throws, as validators may. */
  checkVote({ subjectHash }: VoteMessage): void {
    if (this.#standing && ENDED_STATES.has(this.#standing.state)) refuse('approval_closed')
    if (subjectHash !== this.#options.subjectHash) refuse('subject_changed')
  }

  async vote({ voteId }: VoteMessage): Promise<VoteAnswer> {
    this.#votes += 1
    const { approvalId } = this.#options
    const stage = this.#standing?.stage
    const { refusal, snapshot } = await judgeVote({ approvalId, voteId })
    this.#note(snapshot)
    // The next stage has times of its own, which may be earlier than what the run waits for.
    if (snapshot.stage !== stage && patched(STAGE_PATCH)) this.wake()
    return refusal === undefined ? {} : { refusal }
  }

  signal(verdict: Verdict, payload: unknown): void {
    this.#signals.push({ verdict, payload })
  }

  wake(): void {
    this.#isChanged = true
  }

  async carryOut(): Promise<ApprovalOutcome> {
    for (;;) {
      await this.#answerSignals()
      if (this.#isChanged) await this.#look()
      await this.#doDuty()
      await condition(allHandlersFinished)
      // Nothing is awaited from here on: what comes now, a retry too, opens the run again.
      if (!this.#hasMore()) return this.#findOutcome()
    }
  }

  #findOutcome(): ApprovalOutcome {
    if (this.#standing?.duty === 'wait') return 'paused'
    return this.#standing?.state === 'apply-failed' ? 'failed' : 'ended'
  }

  // Waits as long as that is all there is to do.
  async #doDuty(): Promise<void> {
    const duty = this.#standing?.duty
    switch (duty) {
      case 'wait':
        await this.#wait()
        break
      case 'apply':
        await this.#apply()
        break
      case 'settle':
        await settleApproval({ approvalId: this.#options.approvalId })
        await this.#look()
        break
      case 'none':
      case undefined:
        break
      default:
        duty satisfies never
    }
  }

  async #wait(): Promise<void> {
    const timer = this.#standing?.nextTimer
    const isWoken = (): boolean => this.#hasMore() || this.#isLong()
    if (!timer) {
      await condition(isWoken)
      return
    }
    const summary = `Until the next ${timer.kind}`
    // The look after it decides whether the time has really come, by the database's clock.
    if (!(await condition(isWoken, timer.inMs, { summary }))) this.#isChanged = true
  }

  async #apply(): Promise<void> {
    const { approvalId, applyAttempts = APPLY_ATTEMPTS } = this.#options
    try {
      await proxyEffect(applyAttempts).applyApproval({ approvalId })
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error
      const failureId = `${workflowInfo().runId}/${this.#failures}`
      this.#failures += 1
      await failApproval({ approvalId, failureId, code: codeOf(error) })
    }
    await this.#look()
  }

  async #answerSignals(): Promise<void> {
    for (let next = this.#signals.shift(); next !== undefined; next = this.#signals.shift()) {
      const { approvalId } = this.#options
      const voteId = `signal-${uuid4()}`
      const { refusal, snapshot } = await judgeSignal({ approvalId, voteId, ...next })
      this.#lastSignal = { verdict: next.verdict, answer: refusal ?? 'counted' }
      this.#note(snapshot)
    }
  }

  async #look(): Promise<void> {
    this.#isChanged = false
    this.#note(await lookAtApproval({ approvalId: this.#options.approvalId }))
  }

  // Votes are judged side by side: what comes in late may be older.
  #note(standing: Standing): void {
    if (this.#standing === undefined || standing.version >= this.#standing.version) {
      this.#standing = standing
    }
    showStanding(this.#standing, this.#lastSignal)
  }

  #hasMore(): boolean {
    const isDue = this.#standing?.duty === 'apply' || this.#standing?.duty === 'settle'
    return this.#isChanged || this.#signals.length > 0 || isDue
  }

  #isLong(): boolean {
    const { maxVotes = Number.POSITIVE_INFINITY } = this.#options
    return workflowInfo().continueAsNewSuggested || this.#votes >= maxVotes
  }
}

// What waited in the outbox begins late, and its times are none the later.
function sinceThen({ standing, atMs }: NonNullable<ApprovalRunOptions['opened']>): Standing {
  const { nextTimer } = standing
  if (!nextTimer) return standing
  const inMs = Math.max(0, nextTimer.inMs - Math.max(0, Date.now() - atMs))
  return { ...standing, nextTimer: { ...nextTimer, inMs } }
}

function refuse(code: string): never {
  throw ApplicationFailure.nonRetryable('Cannot take this vote', code)
}
