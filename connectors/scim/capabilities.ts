import { z } from 'zod'
import type { ScimCalls, Tries } from './calls.ts'

/** What a target can do (RFC 7643 §5); what it turns out not to can be taken back. */
export type Capabilities = {
  patch: boolean
  /** PATCH was tried, and is not there. */
  lacksPatch: boolean
  filter: boolean
  bulk: Bulk | undefined
  /** Whether it takes the enterprise extension of a User. */
  enterprise: boolean
  /** The most that a page may hold. */
  readonly pageSize: number
}

export type Bulk = {
  maxOperations: number
  readonly maxPayloadBytes: number
  /** How many in a row did nothing at all. */
  fruitless: number
}

const PAGE_SIZE = 500
const MAX_BULK_OPERATIONS = 1_000
const MAX_BULK_BYTES = 1024 * 1024

const flag = z.union([z.boolean(), z.string().transform((text) => text.toLowerCase() === 'true')])
const supported = z.looseObject({ supported: flag }).catch({ supported: false })
const limit = z.coerce.number().int().positive().optional().catch(undefined)
const configuration = z.looseObject({
  patch: supported,
  filter: z.looseObject({ supported: flag, maxResults: limit }).catch({
    supported: false,
    maxResults: undefined,
  }),
  bulk: z
    .looseObject({ supported: flag, maxOperations: limit, maxPayloadSize: limit })
    .catch({ supported: false, maxOperations: undefined, maxPayloadSize: undefined }),
})

const nothing = { patch: false, lacksPatch: false, filter: false, bulk: undefined }

/** Asks a target what it can do; one that has no configuration to show can do nothing special. */
export async function discoverCapabilities(
  calls: ScimCalls,
  { signal, tries }: { readonly signal: AbortSignal; readonly tries: Tries },
): Promise<Capabilities> {
  const path = '/ServiceProviderConfig'
  const { status, json } = await calls.send({ method: 'GET', path, signal, tries })
  const parsed = configuration.safeParse(json)
  if (status !== 200 || !parsed.success) return { ...nothing, enterprise: true, pageSize: 100 }
  const { patch, filter, bulk } = parsed.data
  return {
    patch: patch.supported,
    lacksPatch: false,
    filter: filter.supported,
    bulk: bulk.supported
      ? {
          maxOperations: bulk.maxOperations ?? MAX_BULK_OPERATIONS,
          maxPayloadBytes: bulk.maxPayloadSize ?? MAX_BULK_BYTES,
          fruitless: 0,
        }
      : undefined,
    enterprise: true,
    pageSize: Math.min(filter.maxResults ?? PAGE_SIZE, PAGE_SIZE),
  }
}
