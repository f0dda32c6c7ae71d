import { z } from 'zod'
import { assertAuthorized, type ScimAnswer, type ScimCalls, type ScimContext } from './calls.ts'
import type { Capabilities } from './capabilities.ts'
import type { BulkOperation } from './plan.ts'
import { findLocatedId, schemas } from './resource.ts'
import { isSuccess } from './verdict.ts'

/** What became of one operation; `unknown` may have been done. */
export type BulkResult =
  | { readonly outcome: 'done'; readonly scimId: string | undefined }
  | { readonly outcome: 'refused' | 'unknown' }

type Sendable = { readonly text: string; readonly sizeBytes: number; readonly at: number }

const HEAD = `{"schemas":["${schemas.bulk}"],"Operations":[`
const TAIL = ']}'
const TIMEOUT_MS = 120_000

const status = z.union([
  z.coerce.number().int(),
  z.looseObject({ code: z.coerce.number().int() }).transform(({ code }) => code),
])
const operationResult = z.looseObject({
  method: z.string().nullish(),
  bulkId: z.string().nullish().catch(null),
  location: z.string().nullish().catch(null),
  status,
  response: z.looseObject({ id: z.coerce.string() }).nullish().catch(null),
})
const bulkResponse = z.looseObject({ Operations: z.array(operationResult) })
type OperationResult = z.output<typeof operationResult>

/**
 * Sends operations in bulks that the target takes (RFC 7644 §3.7), and answers what became of each,
 * in their order. Too large a bulk is halved, for good; a target that has no bulks after all has all
 * of them refused. Throws as calls do.
 */
export async function sendBulk(
  operations: readonly BulkOperation[],
  { calls, capabilities }: { readonly calls: ScimCalls; readonly capabilities: Capabilities },
  context: ScimContext,
): Promise<readonly BulkResult[]> {
  const results: BulkResult[] = operations.map(() => ({ outcome: 'refused' }))
  let rest = operations.map((operation, at) => toSendable(operation, at))
  while (rest.length > 0 && capabilities.bulk) {
    const chunk = takeChunk(rest, capabilities.bulk)
    const answer = await calls.once({
      method: 'POST',
      path: '/Bulk',
      body: `${HEAD}${chunk.map(({ text }) => text).join(',')}${TAIL}`,
      timeoutMs: TIMEOUT_MS,
      ...context,
    })
    if (answer && isTooLarge(answer) && chunk.length > 1) {
      capabilities.bulk.maxOperations = Math.floor(chunk.length / 2)
      continue
    }
    const found = readResults(answer, chunk)
    for (const [index, { at }] of chunk.entries())
      results[at] = found[index] ?? { outcome: 'unknown' }
    rest = rest.slice(chunk.length)
    judge(answer, found, capabilities)
  }
  return results
}

const MAX_FRUITLESS = 3
const LACKING: ReadonlySet<number> = new Set([404, 405, 501])

// One that refuses everything for a while is better off without bulks.
function judge(
  answer: ScimAnswer | undefined,
  found: readonly BulkResult[],
  capabilities: Capabilities,
): void {
  const { bulk } = capabilities
  if (!bulk || !answer) return
  const isFruitless = found.every(({ outcome }) => outcome === 'refused')
  bulk.fruitless = isFruitless ? bulk.fruitless + 1 : 0
  const isLacking = LACKING.has(answer.status) || bulk.fruitless > MAX_FRUITLESS
  if (isLacking) capabilities.bulk = undefined
}

function toSendable(operation: BulkOperation, at: number): Sendable {
  const bulkId = operation.method === 'POST' ? { bulkId: String(at) } : {}
  const text = JSON.stringify({ ...operation, ...bulkId })
  return { text, sizeBytes: Buffer.byteLength(text) + 1, at }
}

function takeChunk(
  rest: readonly Sendable[],
  { maxOperations, maxPayloadBytes }: NonNullable<Capabilities['bulk']>,
): readonly Sendable[] {
  let sizeBytes = HEAD.length + TAIL.length
  const end = rest.findIndex((one, index) => {
    sizeBytes += one.sizeBytes
    return index > 0 && (index >= maxOperations || sizeBytes > maxPayloadBytes)
  })
  return end === -1 ? rest : rest.slice(0, end)
}

function isTooLarge({ status: code, scimType }: ScimAnswer): boolean {
  return code === 413 || scimType === 'tooMany'
}

function readResults(
  answer: ScimAnswer | undefined,
  chunk: readonly Sendable[],
): readonly BulkResult[] {
  if (answer && !isSuccess(answer)) return chunk.map(() => ({ outcome: 'refused' }))
  const parsed = bulkResponse.safeParse(answer?.json)
  // Without an answer, or with one that says nothing, all or none of it may have been done.
  if (!parsed.success) return chunk.map(() => ({ outcome: 'unknown' }))
  const found = parsed.data.Operations
  for (const one of found) assertAuthorized(one)
  const byBulkId = new Map(found.map((one) => [one.bulkId ?? '', one]))
  return chunk.map(({ at }, index) => {
    const own = byBulkId.get(String(at))
    const inPlace = found.length === chunk.length ? found[index] : undefined
    return toResult(own ?? (inPlace?.bulkId ? undefined : inPlace))
  })
}

function toResult(result: OperationResult | undefined): BulkResult {
  // Not done, or done and not told.
  if (!result || result.status >= 500) return { outcome: 'unknown' }
  if (!isSuccess(result)) return { outcome: 'refused' }
  return { outcome: 'done', scimId: result.response?.id ?? findLocatedId(result.location) }
}
