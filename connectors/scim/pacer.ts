import { findRetryAfter } from '../http/answer.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { assertGoing, wait } from './waiting.ts'

export type Passing = {
  readonly signal: AbortSignal
  /** The most calls at once that the caller allows. */
  readonly maxAtOnce: number
}

const FIRST_LIMIT = 4
const MAX_PAUSE_MS = 300_000
const MAX_KEPT_PAUSE_MS = 30_000
const MIN_PAUSE_MS = 100
const FIRST_PAUSE_MS = 500
const MAX_PLAIN_PAUSE_MS = 30_000
const WINDOW_MS = 1_000
const MIN_WINDOW_MS = 200
const DECREASE = 0.5
// A rate that was halved is back after about ten seconds, also one that was halved time and again.
const INCREASE = 0.05
const CAREFUL_WINDOWS = 5
const QUICKENING = 2

/**
 * Lets the calls of one target through: as many at once, and as many a second, as it has been seen
 * to take. Both limits grow by addition, of ever more while the target takes it, and shrink by half.
 */
export class Pacer {
  readonly #waiting: (() => void)[] = []
  #atOnce = FIRST_LIMIT
  #isLearning = true
  #perSecond = Number.POSITIVE_INFINITY
  #step = 0
  #windowsSinceRefusal = 0
  #seenPerSecond = 0
  #underWay = 0
  #pausedUntilMs = 0
  #nextStartMs = 0
  #slowedAtMs = 0
  #hasTaken = false
  #window = { startMs: performance.now(), calls: 0 }

  /**
   * Does one call when its turn has come, and again for as long as the target asks to wait (429, or
   * 503 with `Retry-After`). Throws what the call throws, and `call_aborted`.
   */
  async pass(call: () => Promise<HttpAnswer>, passing: Passing): Promise<HttpAnswer> {
    for (let refusals = 1; ; refusals += 1) {
      await this.#enter(passing)
      const startedMs = performance.now()
      try {
        const answer = await call()
        const pauseMs = findPauseMs(answer, refusals)
        if (pauseMs === undefined && answer.status < 500) this.#grow(passing)
        if (pauseMs === undefined) return answer
        this.#lowerRate(startedMs)
        this.#slowDown(startedMs)
        this.#pause(pauseMs)
      } catch (error) {
        if (!passing.signal.aborted) this.#slowDown(startedMs)
        throw error
      } finally {
        this.#underWay -= 1
        this.#wake()
      }
    }
  }

  async #enter({ signal, maxAtOnce }: Passing): Promise<void> {
    for (;;) {
      // Whoever was woken and does not go wakes the next.
      if (signal.aborted) this.#wake()
      assertGoing(signal)
      const nowMs = performance.now()
      const delayMs = Math.max(this.#pausedUntilMs, this.#nextStartMs) - nowMs
      if (delayMs > 0) await this.#wait(delayMs, signal)
      else if (this.#underWay >= Math.floor(Math.min(this.#atOnce, maxAtOnce))) {
        await this.#queue(signal)
      } else {
        this.#underWay += 1
        if (this.#perSecond !== Number.POSITIVE_INFINITY) {
          this.#nextStartMs = Math.max(nowMs, this.#nextStartMs) + WINDOW_MS / this.#perSecond
        }
        return
      }
    }
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    try {
      await wait(delayMs, signal)
    } finally {
      // Whoever comes after one that was stopped asks again, and waits for no longer than that.
      const nowMs = performance.now()
      if (signal.aborted && this.#pausedUntilMs > nowMs + MAX_KEPT_PAUSE_MS) {
        this.#pausedUntilMs = nowMs
        this.#window = { startMs: nowMs, calls: 0 }
      }
    }
  }

  async #queue(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const onAbort = (): void => resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
    })
  }

  #wake(): void {
    this.#waiting.shift()?.()
  }

  #grow({ maxAtOnce }: Passing): void {
    if (this.#atOnce < maxAtOnce) {
      this.#atOnce += this.#isLearning ? 1 : 1 / this.#atOnce
      this.#wake()
    }
    this.#window.calls += 1
    this.#hasTaken = true
    const nowMs = performance.now()
    if (nowMs - this.#window.startMs < WINDOW_MS) return
    this.#seenPerSecond = this.#countPerSecond(nowMs)
    this.#window = { startMs: nowMs, calls: 0 }
    this.#perSecond += this.#step
    this.#windowsSinceRefusal += 1
    if (this.#windowsSinceRefusal >= CAREFUL_WINDOWS) this.#step *= QUICKENING
  }

  #countPerSecond(nowMs: number): number {
    const sinceMs = Math.max(nowMs - this.#window.startMs, MIN_WINDOW_MS)
    return (this.#window.calls * WINDOW_MS) / sinceMs
  }

  // What was seen before it still counts after it.
  #pause(pauseMs: number): void {
    const untilMs = performance.now() + pauseMs
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs)
    this.#window = { startMs: this.#pausedUntilMs, calls: 0 }
  }

  // Calls that were under way together slow down once.
  #slowDown(startedMs: number): void {
    if (startedMs < this.#slowedAtMs) return
    this.#slowedAtMs = performance.now()
    this.#isLearning = false
    this.#atOnce = Math.max(1, this.#atOnce * DECREASE)
  }

  // A refusal that follows another one, or comes first, says nothing of a rate: nothing was taken.
  #lowerRate(startedMs: number): void {
    if (startedMs < this.#slowedAtMs || !this.#hasTaken) return
    this.#hasTaken = false
    const seen = Math.max(this.#countPerSecond(performance.now()), this.#seenPerSecond)
    this.#seenPerSecond = seen * DECREASE
    this.#perSecond = Math.max(1, Math.min(seen, this.#perSecond) * DECREASE)
    this.#step = this.#perSecond * INCREASE
    this.#windowsSinceRefusal = 0
  }
}

function findPauseMs(answer: HttpAnswer, refusals: number): number | undefined {
  if (answer.status !== 429 && answer.status !== 503) return undefined
  const seconds = findRetryAfter(answer, new Date())
  if (seconds !== undefined) return Math.min(Math.max(seconds * 1_000, MIN_PAUSE_MS), MAX_PAUSE_MS)
  if (answer.status === 503) return undefined
  return Math.min(FIRST_PAUSE_MS * 2 ** (refusals - 1), MAX_PLAIN_PAUSE_MS)
}
