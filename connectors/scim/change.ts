import type { ScimCalls, ScimAnswer, ScimContext } from './calls.ts'
import type { Capabilities } from './capabilities.ts'
import { toPatchBody, type PatchOperation } from './patch.ts'
import { parseResource, toReplacement, versionOf, type Kind, type Resource } from './resource.ts'
import { isOutdated, isSuccess, isUnsupported, toRefusal, type Refusal } from './verdict.ts'

/** A change of one account or group, in the forms in which it can be sent. */
export type Change = {
  readonly kind: Kind
  readonly scimId: string
  /** For PATCH; none: there is nothing to change. */
  readonly operations: readonly PatchOperation[]
  /** For PUT: instead of what the resource has. */
  readonly attributes: Readonly<Record<string, unknown>>
  /** What is still to be changed of the resource as it is. */
  readonly findRest: (resource: Resource) => readonly PatchOperation[]
  /** One of these the resource has, or none; no ids: whatever it has. */
  readonly externalIds: readonly string[]
}

export type Changed =
  'done' | 'unchanged' | 'gone' | { readonly refusal: Refusal; readonly answer?: ScimAnswer }

export type Changing = {
  readonly calls: ScimCalls
  readonly capabilities: Capabilities
  readonly context: ScimContext
}

/**
 * Makes a change by PATCH, or by GET and PUT where the target has no PATCH or refuses this one; one
 * that turns out to have no PUT is patched, whatever it says of itself. A version that is outdated is read again, and what still differs is written once more.
 */
export async function makeChange(change: Change, changing: Changing): Promise<Changed> {
  if (change.operations.length === 0) return 'unchanged'
  if (!changing.capabilities.patch) return await replaceOrPatch(change, changing)
  const answer = await patch(change, changing, {})
  if (isSuccess(answer)) return 'done'
  if (answer.status === 404) return 'gone'
  if (isOutdated(answer)) return await patchAnew(change, changing)
  if (isUnsupported(answer)) dropPatch(changing.capabilities)
  if (isUnsupported(answer) || answer.status === 400) return await replace(change, changing)
  return { refusal: toRefusal(answer), answer }
}

/** Has what follows written by PUT: the target does not know PATCH. */
export function dropPatch(capabilities: Capabilities): void {
  capabilities.patch = false
  capabilities.lacksPatch = true
}

/** True when PATCH is to be tried, since the target knows no PUT and may know that. */
export function resortsToPatch(
  answer: ScimAnswer | undefined,
  capabilities: Capabilities,
): boolean {
  if (!answer || !isUnsupported(answer) || capabilities.lacksPatch) return false
  capabilities.patch = true
  return true
}

/** Reads one account or group; undefined when it is gone. */
export async function readOne(
  { kind, scimId }: Pick<Change, 'kind' | 'scimId'>,
  { calls, context }: Pick<Changing, 'calls' | 'context'>,
): Promise<
  { readonly resource: Resource; readonly version: string | undefined } | 'gone' | Refused
> {
  const answer = await calls.send({ method: 'GET', path: pathOf(kind, scimId), ...context })
  if (answer.status === 404) return 'gone'
  const resource = parseResource(answer)
  if (!isSuccess(answer)) return { refusal: toRefusal(answer), answer }
  if (!resource) return { refusal: UNREADABLE }
  return { resource, version: versionOf(answer, resource) }
}

/** Where an account or a group is, below the target's base URL. */
export function pathOf(kind: Kind, scimId: string): string {
  return `/${kind}/${encodeURIComponent(scimId)}`
}

type Refused = { readonly refusal: Refusal; readonly answer?: ScimAnswer }

const UNREADABLE: Refusal = {
  code: 'invalid_answer',
  message: 'The target answers with something that is no resource',
}

const FOREIGN: Refusal = {
  code: 'foreign_account',
  message: 'The account there has the externalId of another record',
}

async function patch(
  { kind, scimId, operations }: Pick<Change, 'kind' | 'scimId' | 'operations'>,
  { calls, context }: Changing,
  { version }: { readonly version?: string | undefined },
): Promise<ScimAnswer> {
  return await calls.send({
    method: 'PATCH',
    path: pathOf(kind, scimId),
    body: toPatchBody(operations),
    ifMatch: version,
    ...context,
  })
}

async function patchAnew(change: Change, changing: Changing): Promise<Changed> {
  const read = await readOwn(change, changing)
  if (read === 'gone' || 'refusal' in read) return read
  const operations = change.findRest(read.resource)
  if (operations.length === 0) return 'done'
  const answer = await patch({ ...change, operations }, changing, read)
  return toChanged(answer)
}

async function replaceOrPatch(change: Change, changing: Changing): Promise<Changed> {
  const replaced = await replace(change, changing)
  const answer = typeof replaced === 'object' ? replaced.answer : undefined
  if (!resortsToPatch(answer, changing.capabilities)) return replaced
  return await makeChange(change, changing)
}

async function replace(change: Change, changing: Changing): Promise<Changed> {
  for (let isLast = false; ; isLast = true) {
    const read = await readOwn(change, changing)
    if (read === 'gone' || 'refusal' in read) return read
    if (change.findRest(read.resource).length === 0) return 'done'
    const answer = await changing.calls.send({
      method: 'PUT',
      path: pathOf(change.kind, change.scimId),
      body: toReplacement(read.resource, change.attributes),
      ifMatch: read.version,
      ...changing.context,
    })
    if (isLast || !isOutdated(answer)) return toChanged(answer)
  }
}

async function readOwn(change: Change, changing: Changing): ReturnType<typeof readOne> {
  const read = await readOne(change, changing)
  if (read === 'gone' || 'refusal' in read) return read
  const held = read.resource['externalId']
  const isForeign = typeof held === 'string' && held !== '' && !change.externalIds.includes(held)
  return isForeign && change.externalIds.length > 0 ? { refusal: FOREIGN } : read
}

function toChanged(answer: ScimAnswer): Changed {
  if (isSuccess(answer)) return 'done'
  if (answer.status === 404) return 'gone'
  return { refusal: toRefusal(answer), answer }
}
