import { condition, workflowInfo } from '@temporalio/workflow'
import type { LicenseActivities } from '../activities/license.ts'
import type { UploadActivities } from '../activities/upload.ts'
import { codeOf } from './failure-code.ts'
import { runInLanes } from './lanes.ts'
import { awaitFile, closeUpload, licenseActivities, removeFile } from './license-activities.ts'
import { addProgress, noProgress, showProgress, type IngestProgress } from './license-progress.ts'

/** How an upload is to be closed. */
export type Ending = {
  readonly state: 'completed' | 'failed' | 'cancelled'
  readonly failureCode?: string
}

/** `paused`: this run's history is long; another one has to go on from the state. */
export type Outcome = Ending | { readonly state: 'paused' }

export type ClosedBooks = Awaited<ReturnType<UploadActivities['closeUpload']>>

type Indexed = Awaited<ReturnType<LicenseActivities['indexFile']>>

/** How far an ingest is: all chunks before a `next…` are done. */
export type IngestState = {
  readonly progress: IngestProgress
  readonly cursor?: Extract<Indexed, { readonly refused: false }>['cursor']
  readonly nextToStage: number
  readonly nextToApply: number
  /** True once all chunks were staged: again means that the database server lost them. */
  readonly isAgain: boolean
}

export type IngestRunOptions = {
  readonly uploadId: string
  /** Where an earlier run left off. */
  readonly state?: IngestState | undefined
  /** Events after which the run pauses; the server's own suggestion unless said. */
  readonly maxEvents?: number | undefined
}

const newState: IngestState = {
  progress: noProgress,
  nextToStage: 0,
  nextToApply: 0,
  isAgain: false,
}

// Two processors keep busy with this many chunks; more only wait for one another.
const LANES = 3
// Chunks that wait while no further ones are looked for.
const BACKLOG = 2 * LANES

/** One upload on its way: what is done of it, and the steps that are left. */
export class IngestRun {
  readonly #options: IngestRunOptions
  readonly #applied = new Set<number>()
  #state: IngestState
  #isIndexing = false
  #isRefused = false

  constructor(options: IngestRunOptions) {
    this.#options = options
    this.#state = options.state ?? newState
  }

  get state(): IngestState {
    return this.#state
  }

  async ingest(): Promise<Outcome> {
    if (this.#state.cursor === undefined && !(await this.#begin())) return { state: 'cancelled' }
    for (;;) {
      this.#show({ phase: 'validating' })
      await this.#stageChunks()
      if (this.#isRefused) return { state: 'failed' }
      if (this.#hasToStage()) return { state: 'paused' }
      const isApplied = await this.#applyChunks()
      if (isApplied) return this.#hasToApply() ? { state: 'paused' } : { state: 'completed' }
      this.#state = { ...this.#state, nextToStage: 0, nextToApply: 0, isAgain: true }
    }
  }

  async close(ending: Ending): Promise<ClosedBooks> {
    this.#show({ phase: 'closing' })
    const uploadId = this.#options.uploadId
    const closed = await closeUpload({ uploadId, ...ending })
    await Promise.all([removeFile({ uploadId }), this.#dropStaging()])
    this.#show({ phase: 'ended' })
    return closed
  }

  // False for an upload that has ended: it stays as it is, whatever it is closed with.
  async #begin(): Promise<boolean> {
    this.#show({ phase: 'waiting' })
    const file = await awaitFile({ uploadId: this.#options.uploadId })
    if (file.received) await this.#indexSegment()
    return file.received
  }

  async #indexSegment(): Promise<void> {
    this.#isIndexing = true
    try {
      const { cursor } = this.#state
      const summary = cursor ? `Find chunks from ${cursor.chunks + 1}` : 'Read header, find chunks'
      const part = await licenseActivities.indexFile.executeWithOptions({ summary }, [
        { uploadId: this.#options.uploadId, ...(cursor && { cursor }) },
      ])
      this.#noteIndexed(part)
    } finally {
      this.#isIndexing = false
    }
  }

  #noteIndexed(part: Indexed): void {
    if (part.refused) {
      this.#isRefused = true
      return
    }
    this.#state = { ...this.#state, cursor: part.cursor }
    this.#show({
      chunks: part.cursor.chunks,
      rowsFound: part.cursor.position.record - 1,
      isIndexed: part.done,
    })
  }

  #hasToStage(): boolean {
    const { nextToStage, progress } = this.#state
    return nextToStage < progress.chunks || !progress.isIndexed
  }

  #canIndex(): boolean {
    const { nextToStage, progress } = this.#state
    const isWanted = progress.chunks - nextToStage < BACKLOG
    return isWanted && !this.#isIndexing && !progress.isIndexed
  }

  // Stages chunks while further ones are being found.
  async #stageChunks(): Promise<void> {
    const canStage = (): boolean => this.#state.nextToStage < this.#state.progress.chunks
    await runInLanes<() => Promise<void>>({
      width: LANES,
      next: async () => {
        await condition(
          () => this.#isRefused || canStage() || this.#canIndex() || !this.#hasToStage(),
        )
        if (this.#isRefused || this.#isLong()) return undefined
        if (this.#canIndex()) return async () => await this.#indexSegment()
        if (!canStage()) return undefined
        const chunk = this.#state.nextToStage
        this.#state = { ...this.#state, nextToStage: chunk + 1 }
        return async () => await this.#stageChunk(chunk)
      },
      work: async (step) => await step(),
    })
  }

  async #stageChunk(chunk: number): Promise<void> {
    const summary = `Check chunk ${chunk + 1}`
    const { uploadId } = this.#options
    const counts = await licenseActivities.stageChunk.executeWithOptions({ summary }, [
      { uploadId, chunk },
    ])
    if (this.#state.isAgain) return
    this.#add({ chunksStaged: 1, staged: counts.records, rejected: counts.rejected })
  }

  // False when the database server lost the staged rows: then they have to be staged again.
  async #applyChunks(): Promise<boolean> {
    try {
      this.#show({ phase: 'ingesting' })
      await this.#separateDuplicates()
      await runInLanes<number>({
        width: LANES,
        next: async () => await Promise.resolve(this.#takeToApply()),
        work: async (chunk) => await this.#applyChunk(chunk),
      })
      return true
    } catch (error) {
      if (isStagingLost(error)) return false
      throw error
    }
  }

  async #separateDuplicates(): Promise<void> {
    const options = { summary: 'Separate duplicates' }
    const { uploadId } = this.#options
    await licenseActivities.separateDuplicates.executeWithOptions(options, [{ uploadId }])
  }

  #hasToApply(): boolean {
    return this.#state.nextToApply < this.#state.progress.chunks
  }

  #takeToApply(): number | undefined {
    if (!this.#hasToApply() || this.#isLong()) return undefined
    const chunk = this.#state.nextToApply
    this.#state = { ...this.#state, nextToApply: chunk + 1 }
    return chunk
  }

  async #applyChunk(chunk: number): Promise<void> {
    if (this.#applied.has(chunk)) return
    const summary = `Write chunk ${chunk + 1}`
    const { uploadId } = this.#options
    const { accepted: _sum, ...counts } = await licenseActivities.applyChunk.executeWithOptions(
      { summary },
      [{ uploadId, chunk }],
    )
    this.#applied.add(chunk)
    this.#add({ chunksApplied: 1, ...counts })
  }

  async #dropStaging(): Promise<void> {
    const options = { summary: 'Drop staged rows' }
    const { uploadId } = this.#options
    await licenseActivities.dropStaging.executeWithOptions(options, [{ uploadId }])
  }

  #isLong(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo()
    const { maxEvents } = this.#options
    return maxEvents === undefined ? continueAsNewSuggested : historyLength >= maxEvents
  }

  #add(counts: Parameters<typeof addProgress>[1]): void {
    this.#show(addProgress(this.#state.progress, counts))
  }

  #show(change: Partial<IngestProgress>): void {
    const progress = { ...this.#state.progress, ...change }
    this.#state = { ...this.#state, progress }
    showProgress(progress)
  }
}

function isStagingLost(error: unknown): boolean {
  return codeOf(error) === 'staging_lost'
}
