import type { MembersOrder, MembersVerdict } from '../../core/roster/target.ts'
import { isRecordError, type ScimAnswer } from './calls.ts'
import { dropPatch, pathOf, readOne, resortsToPatch } from './change.ts'
import type { Creating } from './create.ts'
import { patchMembers, toPatchBody } from './patch.ts'
import type { Plan } from './plan.ts'
import { listMembers, toReplacement } from './resource.ts'
import {
  fail,
  isOutdated,
  isSuccess,
  isUnsupported,
  succeed,
  toRefusal,
  type Refusal,
} from './verdict.ts'

type Part = { readonly add: readonly string[]; readonly remove: readonly string[] }

type State = {
  readonly scimId: string
  readonly creating: Creating
  readonly refused: { readonly member: string; readonly code: string }[]
  /** Why a member could not be removed. */
  unremoved: Refusal | undefined
  hasChanged: boolean
  isKnownToBeThere: boolean
}

type Pushed = 'done' | 'unchanged' | 'gone' | ScimAnswer

/**
 * Changes the members of a group, `batchSize` at a time. A part that the target refuses is halved
 * until the members that it refuses are found; the others are applied.
 */
export function planMembers(order: MembersOrder, batchSize: number): Plan<MembersVerdict> {
  const { id, scimId, add, remove } = order
  const size = add.length + remove.length
  return {
    id,
    scimId,
    async prepare(creating) {
      if (size === 0)
        return { verdict: await Promise.resolve(judge(order, start(order, creating))) }
      if (!creating.capabilities.patch || size > batchSize) return 'alone'
      const data = toPatchBody(patchMembers(add, remove))
      return { method: 'PATCH', path: pathOf('Groups', scimId), data }
    },
    accept: (_scimId, creating) => judge(order, { ...start(order, creating), hasChanged: true }),
    async write(creating) {
      const state = start(order, creating)
      for (const part of toParts(order, batchSize)) {
        if ((await apply(part, state)) === 'gone') return refuse(order, GONE, creating)
      }
      return judge(order, state)
    },
    refuse: (refusal, creating) => refuse(order, refusal, creating),
  }
}

function start({ scimId }: MembersOrder, creating: Creating): State {
  return {
    scimId,
    creating,
    refused: [],
    unremoved: undefined,
    hasChanged: false,
    isKnownToBeThere: false,
  }
}

function judge(order: MembersOrder, state: State): MembersVerdict {
  const { refused, unremoved, hasChanged, creating } = state
  const { tries } = creating.context
  if (unremoved) return { ...fail(order.id, unremoved, tries), refused }
  const outcome = hasChanged ? 'done' : 'unchanged'
  return { ...succeed(order.id, order.scimId, { outcome, tries }), refused }
}

function refuse({ id }: MembersOrder, refusal: Refusal, { context }: Creating): MembersVerdict {
  return { ...fail(id, refusal, context.tries), refused: [] }
}

function toParts({ add, remove }: MembersOrder, batchSize: number): Part[] {
  const slice = (ids: readonly string[]): string[][] =>
    Array.from({ length: Math.ceil(ids.length / batchSize) }, (_, index) =>
      ids.slice(index * batchSize, (index + 1) * batchSize),
    )
  return [
    ...slice(remove).map((some) => ({ add: [], remove: some })),
    ...slice(add).map((some) => ({ add: some, remove: [] })),
  ]
}

async function apply(part: Part, state: State): Promise<'applied' | 'gone'> {
  const pushed = await push(part, state)
  if (pushed === 'gone') return 'gone'
  if (pushed === 'unchanged') return 'applied'
  if (pushed === 'done') {
    state.hasChanged = true
    return 'applied'
  }
  if (part.add.length + part.remove.length === 1) {
    note(part, pushed, state)
    return 'applied'
  }
  for (const half of halve(part)) if ((await apply(half, state)) === 'gone') return 'gone'
  return 'applied'
}

// A member may be what makes a server fail, over and over.
async function push(part: Part, state: State): Promise<Pushed> {
  try {
    return await (state.creating.capabilities.patch
      ? patch(part, state)
      : replaceOrPatch(part, state))
  } catch (error) {
    if (!isRecordError(error)) throw error
    return { ...FAILED, status: state.creating.context.tries.lostStatus ?? FAILED.status }
  }
}

// Somebody who is no member is as good as removed.
function note({ add, remove }: Part, answer: ScimAnswer, state: State): void {
  const refusal = toRefusal(answer)
  for (const member of add) state.refused.push({ member, code: refusal.code })
  const isAbsent = answer.status === 404 || answer.scimType === 'noTarget'
  if (remove.length > 0 && !isAbsent) state.unremoved ??= refusal
}

function halve({ add, remove }: Part): readonly Part[] {
  const halfOf = (ids: readonly string[]): number => Math.ceil(ids.length / 2)
  return [
    { add: add.slice(0, halfOf(add)), remove: remove.slice(0, halfOf(remove)) },
    { add: add.slice(halfOf(add)), remove: remove.slice(halfOf(remove)) },
  ].filter((half) => half.add.length + half.remove.length > 0)
}

async function patch(part: Part, state: State): Promise<Pushed> {
  const { scimId, creating } = state
  const { calls, capabilities, context } = creating
  const send = async (ifMatch?: string): Promise<ScimAnswer> => {
    const body = toPatchBody(patchMembers(part.add, part.remove))
    const path = pathOf('Groups', scimId)
    return await calls.send({ method: 'PATCH', path, body, ifMatch, ...context })
  }
  const answer = await send()
  if (isSuccess(answer)) return 'done'
  if (isUnsupported(answer)) {
    dropPatch(capabilities)
    return await replace(part, state)
  }
  if (!isOutdated(answer) && (answer.status !== 404 || state.isKnownToBeThere)) return answer
  // Either the group is gone, or one of its members, or its version has to be named.
  const read = await readOne({ kind: 'Groups', scimId }, creating)
  if (read === 'gone') return 'gone'
  state.isKnownToBeThere = true
  if (!isOutdated(answer) || 'refusal' in read) return answer
  const second = await send(read.version)
  return isSuccess(second) ? 'done' : second
}

async function replaceOrPatch(part: Part, state: State): Promise<Pushed> {
  const pushed = await replace(part, state)
  const answer = typeof pushed === 'object' ? pushed : undefined
  return resortsToPatch(answer, state.creating.capabilities) ? await patch(part, state) : pushed
}

async function replace({ add, remove }: Part, { scimId, creating }: State): Promise<Pushed> {
  const { calls, context } = creating
  for (let isLast = false; ; isLast = true) {
    const read = await readOne({ kind: 'Groups', scimId }, creating)
    if (read === 'gone') return 'gone'
    if ('refusal' in read) return read.answer ?? FAILED
    const before = new Set(listMembers(read.resource))
    const members = new Set([...before, ...add])
    for (const member of remove) members.delete(member)
    if (members.size === before.size && [...members].every((one) => before.has(one))) {
      return 'unchanged'
    }
    const body = toReplacement(read.resource, { members: [...members].map((value) => ({ value })) })
    const path = pathOf('Groups', scimId)
    const answer = await calls.send({
      method: 'PUT',
      path,
      body,
      ifMatch: read.version,
      ...context,
    })
    if (isSuccess(answer)) return 'done'
    if (answer.status === 404) return (await isThere(scimId, creating)) ? answer : 'gone'
    if (isLast || !isOutdated(answer)) return answer
  }
}

async function isThere(scimId: string, creating: Creating): Promise<boolean> {
  return (await readOne({ kind: 'Groups', scimId }, creating)) !== 'gone'
}

const GONE: Refusal = { code: 'group_gone', message: 'The target has no such group any more' }

const FAILED: ScimAnswer = {
  status: 502,
  json: undefined,
  scimType: undefined,
  etag: undefined,
  location: undefined,
}
