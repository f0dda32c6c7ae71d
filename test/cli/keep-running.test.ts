import { pino } from 'pino'
import { keepRunning, type RunningPart } from '../../cli/keep-running.ts'
import type { AppError } from '../../core/errors.ts'
import { waitUntil } from '../support/polling.ts'

const log = pino({ level: 'silent' })

test('keepRunning() passes on why the first start failed', async () => {
  const part = new FakePart(['cannot bind'])
  await expect(keepRunning(part.options(log))).rejects.toThrow('cannot bind')
})

test('keepRunning() starts again what ends, also when starting fails for a while', async () => {
  const part = new FakePart([undefined, 'not yet', 'not yet', undefined])
  const kept = await keepRunning(part.options(log))
  part.die()
  await waitUntil('it runs again', async () => await Promise.resolve(part.starts === 4))
  await kept.stop()
  expect(part.stops).toBe(1)
  expect(part.givenUp).toEqual([])
})

test('keepRunning() gives up what cannot be started any more, naming it and the reason', async () => {
  const part = new FakePart([undefined, ...Array.from({ length: 20 }, () => 'disk is full')])
  const kept = await keepRunning(part.options(log))
  part.die()
  await waitUntil('it is given up', async () => await Promise.resolve(part.givenUp.length > 0))
  expect(part.givenUp.map((error) => error.message)).toEqual([
    'Cannot keep the part running: disk is full',
  ])
  await kept.stop()
})

test('keepRunning() does not start again what ends because of stop()', async () => {
  const part = new FakePart([undefined])
  const kept = await keepRunning(part.options(log))
  await kept.stop()
  expect(part.starts).toBe(1)
})

test('stop() also stops a part that was just being started again', async () => {
  const part = new FakePart([undefined, undefined])
  const kept = await keepRunning(part.options(log))
  part.holdStarts()
  part.die()
  await waitUntil('it starts again', async () => await Promise.resolve(part.starts === 2))
  const stopped = kept.stop()
  part.releaseStarts()
  await stopped
  expect(part.isRunning).toBe(false)
})

class FakePart {
  starts = 0
  stops = 0
  isRunning = false
  readonly givenUp: AppError[] = []
  die: () => void = () => {}
  releaseStarts: () => void = () => {}
  #held: Promise<void> = Promise.resolve()

  /** Each start takes the next outcome: the message of its failure, or undefined for success. */
  readonly #outcomes: readonly (string | undefined)[]

  constructor(outcomes: readonly (string | undefined)[]) {
    this.#outcomes = outcomes
  }

  holdStarts(): void {
    this.#held = new Promise((done) => {
      this.releaseStarts = done
    })
  }

  options(logger: typeof log): Parameters<typeof keepRunning>[0] {
    return {
      name: 'the part',
      log: logger,
      firstDelayMs: 0,
      onGivenUp: (error) => this.givenUp.push(error),
      start: async () => await this.#start(),
    }
  }

  async #start(): Promise<RunningPart> {
    const failure = this.#outcomes[this.starts]
    this.starts += 1
    await this.#held
    if (failure !== undefined) throw new Error(failure)
    this.isRunning = true
    const ended = new Promise<void>((done) => {
      this.die = () => {
        this.isRunning = false
        done()
      }
    })
    return { ended, stop: async () => await this.#stop() }
  }

  async #stop(): Promise<void> {
    if (this.isRunning) this.stops += 1
    this.die()
    await Promise.resolve()
  }
}
