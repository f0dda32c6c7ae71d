import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { defaultCompacts, listCompactFaults, type Compacts } from '../core/license/compacts.ts'
import { listKeyRingFaults, type KeyRingDocument } from '../crypto/key-ring.ts'
import type { Env } from './env.ts'

export type IssuerConfig = {
  readonly issuer: string
  readonly audience: string
  readonly jwksUri?: string | undefined
  readonly algorithms: readonly string[]
  readonly claims: {
    readonly scope: string
    readonly tenant: string
    readonly publisher: string
    readonly subject: string
  }
}

export type BlobConfig =
  | { readonly kind: 'file'; readonly directory: string }
  | {
      readonly kind: 's3'
      readonly bucket: string
      readonly prefix: string
      readonly endpoint: string | undefined
      readonly region: string
      readonly pathStyle: boolean
      readonly accessKeyId: string
      readonly secretAccessKey: string
    }

export type Config = {
  readonly http: {
    readonly host: string
    readonly port: number
    readonly rateLimitPerSecond: number
    readonly trustedProxies: readonly string[]
    readonly allowPrivateTargets: boolean
  }
  readonly dataDir: string
  /** Undefined: the embedded server. */
  readonly databaseUrl: string | undefined
  readonly temporal: {
    /** Undefined: the embedded server. */
    readonly address: string | undefined
    readonly namespace: string
    readonly cliPath: string | undefined
  }
  readonly blob: BlobConfig
  /** Undefined: made in the data directory on first start. */
  readonly keyRing: KeyRingDocument | undefined
  /** Empty: the local issuer. */
  readonly issuers: readonly IssuerConfig[]
  readonly uploads: { readonly maxBytes: number; readonly formTtlSeconds: number }
  readonly compacts: Compacts
  readonly log: { readonly level: string }
  readonly otlpEndpoint: string | undefined
  readonly production: boolean
}
