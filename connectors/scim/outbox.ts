import type { WriteOptions } from '../../core/roster/target.ts'

const DELAY_MS = 500

/** Hands verdicts over, some at a time and one batch after the other, within half a second. */
export class Outbox<V> {
  readonly #onVerdicts: WriteOptions<V>['onVerdicts']
  readonly #batchSize: number
  readonly #onFailure: () => void
  #waiting: V[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()

  /** `onFailure` is called when a batch was not taken; the error comes with what is called next. */
  constructor(
    onVerdicts: WriteOptions<V>['onVerdicts'],
    { batchSize, onFailure }: { readonly batchSize: number; readonly onFailure: () => void },
  ) {
    this.#onVerdicts = onVerdicts
    this.#batchSize = batchSize
    this.#onFailure = onFailure
  }

  /** Waits where a batch is full, so that verdicts never pile up. */
  async add(...verdicts: readonly V[]): Promise<void> {
    this.#waiting.push(...verdicts)
    if (this.#waiting.length >= this.#batchSize) await this.flush()
    else this.#timer ??= setTimeout(() => void this.flush().catch(this.#onFailure), DELAY_MS)
  }

  /** Resolves when all that was added has been taken. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#waiting
    this.#waiting = []
    if (batch.length > 0) {
      this.#sending = this.#sending.then(async () => await this.#onVerdicts(batch))
      // Whoever waits is told too.
      this.#sending.catch(this.#onFailure)
    }
    await this.#sending
  }
}
