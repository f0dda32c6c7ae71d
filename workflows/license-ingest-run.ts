import { ActivityFailure, ApplicationFailure, condition } from '@temporalio/workflow'
import type { LicenseActivities } from '../activities/license.ts'
import type { UploadActivities } from '../activities/upload.ts'
import { runInLanes } from './lanes.ts'
import { awaitFile, closeUpload, licenseActivities, removeFile } from './license-activities.ts'
import { addProgress, noProgress, showProgress, type IngestProgress } from './license-progress.ts'

/** How an upload is to be closed. */
export type Ending = {
  readonly state: 'completed' | 'failed' | 'cancelled'
  readonly failureCode?: string
}

export type ClosedBooks = Awaited<ReturnType<UploadActivities['closeUpload']>>

type Indexed = Awaited<ReturnType<LicenseActivities['indexFile']>>
type Cursor = Extract<Indexed, { readonly refused: false }>['cursor']

// Two processors keep busy with this many chunks; more only wait for one another.
const LANES = 3
// Chunks that wait while no further ones are looked for.
const BACKLOG = 2 * LANES
// Each round but the first follows a crash of the database server.
const MAX_ROUNDS = 50

/** One upload on its way: what is done of it, and the steps that are left. */
export class IngestRun {
  readonly #uploadId: string
  readonly #staged = new Set<number>()
  readonly #applied = new Set<number>()
  #progress = noProgress
  #cursor: Cursor | undefined
  #isIndexing = false

  constructor(uploadId: string) {
    this.#uploadId = uploadId
  }

  get progress(): IngestProgress {
    return this.#progress
  }

  async ingest(): Promise<Ending> {
    this.#show({ phase: 'waiting' })
    const file = await awaitFile({ uploadId: this.#uploadId })
    // One that has ended stays as it is, whatever it is closed with.
    if (!file.received) return { state: 'cancelled' }
    this.#show({ phase: 'validating' })
    if (!(await this.#indexSegment())) return { state: 'failed' }
    await this.#stageFile()
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      if (await this.#applyFile()) return { state: 'completed' }
      await this.#stageAgain()
    }
    return { state: 'failed', failureCode: 'staging_lost' }
  }

  async close(ending: Ending): Promise<ClosedBooks> {
    this.#show({ phase: 'closing' })
    const uploadId = this.#uploadId
    const closed = await closeUpload({ uploadId, ...ending })
    await Promise.all([removeFile({ uploadId }), this.#dropStaging()])
    this.#show({ phase: 'ended' })
    return closed
  }

  async #dropStaging(): Promise<void> {
    const options = { summary: 'Drop staged rows' }
    await licenseActivities.dropStaging.executeWithOptions(options, [{ uploadId: this.#uploadId }])
  }

  // Finds the next chunks; false when the file is refused as a whole.
  async #indexSegment(): Promise<boolean> {
    const cursor = this.#cursor
    const summary = cursor ? `Find chunks from ${cursor.chunks + 1}` : 'Read header, find chunks'
    const part = await licenseActivities.indexFile.executeWithOptions({ summary }, [
      { uploadId: this.#uploadId, ...(cursor && { cursor }) },
    ])
    if (part.refused) return false
    this.#cursor = part.cursor
    this.#show({
      chunks: part.cursor.chunks,
      rowsFound: part.cursor.position.record - 1,
      isIndexed: part.done,
    })
    return true
  }

  // Stages chunks while further ones are being found.
  async #stageFile(): Promise<void> {
    let next = 0
    const hasNext = (): boolean => next < this.#progress.chunks
    const canIndex = (): boolean =>
      !this.#isIndexing && !this.#progress.isIndexed && this.#progress.chunks - next < BACKLOG
    await runInLanes<() => Promise<void>>({
      width: LANES,
      next: async () => {
        await condition(() => hasNext() || canIndex() || this.#progress.isIndexed)
        if (canIndex()) return async () => await this.#indexMore()
        if (!hasNext()) return undefined
        const chunk = next
        next += 1
        return async () => await this.#stageChunk(chunk)
      },
      work: async (step) => await step(),
    })
  }

  async #indexMore(): Promise<void> {
    this.#isIndexing = true
    try {
      await this.#indexSegment()
    } finally {
      this.#isIndexing = false
    }
  }

  async #stageAgain(): Promise<void> {
    this.#show({ phase: 'validating' })
    await this.#forChunks(async (chunk) => await this.#stageChunk(chunk))
  }

  async #stageChunk(chunk: number): Promise<void> {
    const summary = `Check chunk ${chunk + 1}`
    const counts = await licenseActivities.stageChunk.executeWithOptions({ summary }, [
      { uploadId: this.#uploadId, chunk },
    ])
    if (this.#staged.has(chunk)) return
    this.#staged.add(chunk)
    this.#add({ chunksStaged: 1, staged: counts.records, rejected: counts.rejected })
  }

  // False when the database server lost the staged rows: then they have to be staged again.
  async #applyFile(): Promise<boolean> {
    try {
      this.#show({ phase: 'ingesting' })
      await this.#separateDuplicates()
      await this.#forChunks(async (chunk) => {
        if (!this.#applied.has(chunk)) await this.#applyChunk(chunk)
      })
      return true
    } catch (error) {
      if (isStagingLost(error)) return false
      throw error
    }
  }

  async #separateDuplicates(): Promise<void> {
    await licenseActivities.separateDuplicates.executeWithOptions(
      { summary: 'Separate duplicates' },
      [{ uploadId: this.#uploadId }],
    )
  }

  async #applyChunk(chunk: number): Promise<void> {
    const summary = `Write chunk ${chunk + 1}`
    const { accepted: _sum, ...counts } = await licenseActivities.applyChunk.executeWithOptions(
      { summary },
      [{ uploadId: this.#uploadId, chunk }],
    )
    this.#applied.add(chunk)
    this.#add({ chunksApplied: 1, ...counts })
  }

  async #forChunks(work: (chunk: number) => Promise<void>): Promise<void> {
    let next = 0
    await runInLanes<number>({
      width: LANES,
      next: async () => {
        const chunk = next
        next += 1
        return await Promise.resolve(chunk < this.#progress.chunks ? chunk : undefined)
      },
      work,
    })
  }

  #add(counts: Parameters<typeof addProgress>[1]): void {
    this.#show(addProgress(this.#progress, counts))
  }

  #show(change: Partial<IngestProgress>): void {
    this.#progress = { ...this.#progress, ...change }
    showProgress(this.#progress)
  }
}

function isStagingLost(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === 'staging_lost'
  )
}
