import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'
import { isSameJson } from '../../core/profile/change.ts'
import type {
  ProfileSink,
  SinkComparison,
  SinkDelivery,
  SinkOutcome,
} from '../../core/profile/sink.ts'

type Entry = { readonly serial: number; readonly profile: unknown; readonly isDeleted: boolean }

/** A sink in memory that keeps what it was given, and misbehaves as a test tells it to. */
export class MemorySink implements ProfileSink {
  readonly kind = 'sql'
  readonly name: string
  readonly entries = new Map<string, Entry>()
  /** Every serial that was delivered, in order, per person. */
  readonly delivered: { readonly profileId: string; readonly serial: number }[] = []
  /** What the next deliveries fail with, one after the other. */
  readonly failures: AppError[] = []
  /** While set, every delivery fails with it. */
  down: AppError | undefined
  delayMs = 0
  /** Set: the next delivery is kept, but its answer is lost. */
  losesAnswer = false
  attempts = 0
  #held: Promise<void> | undefined

  constructor(name: string) {
    this.name = name
  }

  /** Behaves well again and forgets what was delivered, but for its entries. */
  reset(): void {
    this.down = undefined
    this.delayMs = 0
    this.losesAnswer = false
    this.attempts = 0
    this.#held = undefined
    this.failures.length = 0
    this.delivered.length = 0
  }

  /** Lets every delivery wait until the function that it answers is called. */
  hold(): () => void {
    let release = (): void => {}
    this.#held = new Promise((resolve) => {
      release = resolve
    })
    return release
  }

  async deliver(delivery: SinkDelivery): Promise<SinkOutcome> {
    this.attempts += 1
    await this.#held
    if (this.delayMs > 0) await delay(this.delayMs)
    const failure = this.down ?? this.failures.shift()
    if (failure) throw failure
    const before = this.entries.get(delivery.profileId)
    if (before && before.serial > delivery.serial) return { state: 'superseded' }
    if (before?.serial === delivery.serial) return { state: 'succeeded', wrote: false }
    const { profileId, serial, profile, isDeleted } = delivery
    this.entries.set(profileId, { serial, profile, isDeleted })
    this.delivered.push({ profileId, serial })
    if (!this.losesAnswer) return { state: 'succeeded', wrote: true }
    this.losesAnswer = false
    throw new AppError('timeout', 'Cannot hear the answer', { status: 502 })
  }

  async compare(delivery: SinkDelivery): Promise<SinkComparison> {
    const entry = await Promise.resolve(this.entries.get(delivery.profileId))
    if (!entry) return delivery.isDeleted ? 'same' : 'missing'
    if (delivery.isDeleted) return entry.isDeleted ? 'same' : 'extra'
    return isSameJson(entry.profile, delivery.profile) ? 'same' : 'different'
  }

  async close(): Promise<void> {
    await Promise.resolve()
  }
}
