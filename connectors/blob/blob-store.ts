import type { Readable } from 'node:stream'

/** An HTML form as S3's POST Object takes it: send `fields`, then `Content-Type`, then `file`. */
export type UploadForm = {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

export type FormRequest = {
  readonly key: string
  readonly contentType: string
  readonly maxBytes: number
  readonly expiresAt: Date
  /** Scheme and authority under which the caller reached the API, for forms that come back to it. */
  readonly origin: string
}

export type StoredBlob = { readonly key: string; readonly sizeBytes: number }

/** Where uploaded files stay while they are read; keys are ours and carry no personal data. */
export type BlobStore = RemoteBlobStore | LocalBlobStore

type BlobOperations = {
  readonly createForm: (request: FormRequest) => Promise<UploadForm>
  /**
   * Takes the object that a form left under `key` to a key that no form reaches, so that whoever
   * uses the form again changes nothing; undefined while nothing was uploaded.
   */
  readonly claim: (key: string) => Promise<StoredBlob | undefined>
  readonly stat: (key: string) => Promise<StoredBlob | undefined>
  /** Stores a file of this machine: its blob appears whole or not at all. */
  readonly put: (key: string, path: string) => Promise<void>
  /** The bytes [start, end); shorter at the end of the blob. Throws `blob_not_found`. */
  readonly readRange: (key: string, start: number, end: number) => Promise<Buffer>
  /** Removes the blob and what was claimed from it; no error when they are gone already. */
  readonly remove: (key: string) => Promise<void>
  /** Removes files that were never wholly written and have not grown since: a process died. */
  readonly removeUnfinished: (since: Date) => Promise<void>
  /** Resolves when the store can be used; throws with the reason where it cannot. */
  readonly check: () => Promise<void>
  readonly close: () => void
}

/** A file that was wholly written aside: it counts only once it is kept. */
export type StagedBlob = {
  readonly sizeBytes: number
  readonly sha256: Buffer
  /** Puts it under its key, atomically and durably. */
  readonly keep: () => Promise<void>
  readonly discard: () => Promise<void>
}

/** A store that takes the files of its forms itself. */
export type RemoteBlobStore = BlobOperations & { readonly kind: 's3' }

/** The store whose forms come back to the API's own upload route. */
export type LocalBlobStore = BlobOperations & {
  readonly kind: 'file'
  /** The claims of a form's fields; throws `form_altered` or `form_expired`. */
  readonly openForm: (fields: ReadonlyMap<string, string>, now: Date) => FormClaims
  /**
   * Streams a file aside. Throws `upload_too_large` past `maxBytes` and `form_in_use` while another
   * request streams to the same key; whatever goes wrong, nothing is left.
   */
  readonly stage: (key: string, source: Readable, maxBytes: number) => Promise<StagedBlob>
}

/** What a form allows: one file of this type and size under this key. */
export type FormClaims = {
  readonly key: string
  readonly contentType: string
  readonly maxBytes: number
}
