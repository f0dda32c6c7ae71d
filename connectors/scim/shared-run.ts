import { isAppError } from '../../core/errors.ts'
import type { ScimContext } from './calls.ts'

/** Work that many ask for and one of them does; the others wait for it. */
export class SharedRun {
  readonly #work: (context: ScimContext) => Promise<void>
  #running: Promise<void> | undefined
  #isDone = false

  constructor(work: (context: ScimContext) => Promise<void>) {
    this.#work = work
  }

  /** Once is enough, whenever that was. */
  async done(context: ScimContext): Promise<void> {
    while (!this.#isDone) await this.#join(this.#running ?? this.#start(context), context)
  }

  /** A run that begins after this call. */
  async again(context: ScimContext): Promise<void> {
    const before = this.#running
    if (before) await before.catch(() => {})
    if (this.#running && this.#running !== before) {
      await this.#join(this.#running, context)
      return
    }
    this.#isDone = false
    await this.done(context)
  }

  #start(context: ScimContext): Promise<void> {
    const running = this.#work(context)
      .then(() => void (this.#isDone = true))
      .finally(() => void (this.#running = undefined))
    this.#running = running
    return running
  }

  // Who is still waited for goes on when the one who did the work was stopped.
  async #join(running: Promise<void>, { signal }: ScimContext): Promise<void> {
    await running.catch((error: unknown) => {
      if (!isAppError(error, 'call_aborted') || signal.aborted) throw error
    })
  }
}
