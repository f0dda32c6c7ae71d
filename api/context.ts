import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { WatchedPublishers } from '../config/publishers-file.ts'
import type { BlobStore } from '../connectors/blob/blob-store.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import type { TemporalClient } from '../connectors/temporal.ts'
import type { Tracing } from '../connectors/tracing/tracing.ts'
import type { SecretStore } from '../core/secret.ts'
import type { WorkflowStart } from '../core/workflow-start.ts'
import type { CursorSigner } from '../crypto/cursor.ts'
import type { FieldCipher } from '../crypto/field-cipher.ts'
import type { KeyRing } from '../crypto/key-ring.ts'
import type { KeyedHash } from '../crypto/keyed-hash.ts'
import type { PasswordHasher } from '../crypto/password-hasher.ts'
import type { PayloadCodec } from '../crypto/payload-codec.ts'
import type { Database } from '../db/client.ts'
import type { Presence } from '../db/presence.ts'
import type { UploadProgress } from '../db/upload-progress.ts'
import type { ApiMetrics } from './metrics.ts'
import type { Principal } from './principal.ts'
import type { DenialBook } from './roster-denials.ts'
import type { StaffDirectory } from './staff-directory.ts'
import type { Lanes } from './keyed-lanes.ts'

/** What every route may use; made once per process by `startApi`. */
/** Who changes something, by which request. */
export type Doer = { readonly actor: string; readonly requestId: string }

export type ApiContext = {
  readonly config: Config
  readonly log: Logger
  readonly db: Database
  /** Tells other processes that this one is there. */
  readonly presence: Presence
  /** The upload with this id and how far it is; reads at the same time share a query. */
  readonly findUpload: (id: string) => Promise<UploadProgress | undefined>
  readonly keyRing: KeyRing
  readonly cipher: FieldCipher
  /** Where the credentials of a tenant's roster providers are kept; changes are audited as the doer's. */
  readonly secretsOf: (tenant: string, doer?: Doer) => SecretStore
  /** The keyed hash over the database's data key: loaded on first use, then kept. */
  readonly hash: () => Promise<KeyedHash>
  /** Hashes and checks passwords, few at once. */
  readonly passwords: PasswordHasher
  readonly cursors: CursorSigner
  readonly codec: PayloadCodec
  readonly blobs: BlobStore
  /** Connects on first use; undefined while no address is configured. */
  readonly temporal: TemporalClient | undefined
  /** Judges addresses that callers name, and fetches the keys of issuers. */
  readonly http: HttpClient
  /**
   * Hands a committed start to Temporal: best effort within 2 s, never throws; the relay takes what
   * is left. `id` is what `enqueueStart` answered.
   */
  readonly handOver: (id: number, start: WorkflowStart) => Promise<void>
  /** The principal of a bearer token; throws `invalid_token` (401) or `issuer_unreachable` (503). */
  readonly tokens: TokenVerifier
  readonly staff: StaffDirectory
  readonly publishers: WatchedPublishers
  /** Keeps votes on one approval within what a run takes at once. */
  readonly voteLanes: Lanes
  /** Lets changes of one person wait for each other here, where they hold no connection. */
  readonly changeLanes: Lanes
  /** Bounds what denied webhooks write. */
  readonly denials: DenialBook
  readonly metrics: ApiMetrics
  /** Undefined while no collector is configured. */
  readonly tracing: Tracing | undefined
  readonly clock: () => Date
  /** Aborted when the process begins to stop: long answers (event streams) end then. */
  readonly stopping: AbortSignal
}

export type TokenVerifier = {
  readonly verify: (token: string) => Promise<Principal>
  /** Throws when the keys of an issuer were never had. */
  readonly check: () => Promise<void>
}
