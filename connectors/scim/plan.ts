import type { Verdict } from '../../core/roster/target.ts'
import { makeChange, pathOf, type Change, type Changed } from './change.ts'
import {
  create,
  findStanding,
  rememberCreated,
  type Creating,
  type Creation,
  type Written,
} from './create.ts'
import { toPatchBody } from './patch.ts'
import { schemas, type Kind } from './resource.ts'
import { fail, isSuccess, succeed, toRefusal, type Refusal } from './verdict.ts'

/** One operation of a bulk request (RFC 7644 §3.7), without its bulkId. */
export type BulkOperation = {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly data?: object
}

/** How one order is carried out, alone or in a bulk. */
export type Plan<V> = {
  readonly id: string
  /** What it writes to; two plans of one are never under way together. */
  readonly scimId: string | undefined
  /** What it is in a bulk, its verdict when nothing is to be done, or that it goes alone. */
  readonly prepare: (
    creating: Creating,
  ) => Promise<BulkOperation | { readonly verdict: V } | 'alone'>
  /** The verdict of an operation that was done in a bulk. */
  readonly accept: (scimId: string, creating: Creating) => V
  /** Carries it out by calls of its own; throws what concerns all orders. */
  readonly write: (creating: Creating, before: { readonly isUnsure: boolean }) => Promise<V>
  readonly refuse: (refusal: Refusal, creating: Creating) => V
}

/** Creates an account or a group. */
export function planCreation<T extends Written>(
  creation: Omit<Creation<T>, 'isUnsure'>,
): Plan<Verdict> {
  const { id, after, record } = creation
  return {
    id,
    scimId: undefined,
    async prepare(creating) {
      const standing = await findStanding({ ...creation, isUnsure: false }, creating)
      if (standing !== 'free') return 'alone'
      const data = record.toBody(after, creating.capabilities)
      return { method: 'POST', path: `/${record.kind}`, data }
    },
    accept(scimId, creating) {
      rememberCreated(scimId, creation, creating.directory)
      return succeed(id, scimId, { outcome: 'done', tries: creating.context.tries })
    },
    write: async (creating, { isUnsure }) => await create({ ...creation, isUnsure }, creating),
    refuse: (refusal, { context }) => fail(id, refusal, context.tries),
  }
}

export type PlannedChange = {
  readonly id: string
  /** Of the target's capabilities, which may be found to be less. */
  readonly toChange: (creating: Creating) => Change
  /** What becomes of it when the account is not there. */
  readonly whenGone: (creating: Creating) => Promise<Verdict>
  readonly toRefusal?: (refused: Exclude<Changed, string>) => Refusal
  readonly onDone?: (creating: Creating) => void
}

/** Changes an account or a group. */
export function planChange(scimId: string, planned: PlannedChange): Plan<Verdict> {
  const { id, toChange, whenGone } = planned
  const unchanged = ({ context }: Creating): Verdict =>
    succeed(id, scimId, { outcome: 'unchanged', tries: context.tries })
  const done = (creating: Creating): Verdict => {
    planned.onDone?.(creating)
    return succeed(id, scimId, { outcome: 'done', tries: creating.context.tries })
  }
  const refuse = (refusal: Refusal, { context }: Creating): Verdict =>
    fail(id, refusal, context.tries)
  return {
    id,
    scimId,
    async prepare(creating) {
      const { kind, operations } = toChange(creating)
      if (operations.length === 0) return { verdict: await Promise.resolve(unchanged(creating)) }
      if (!creating.capabilities.patch) return 'alone'
      return { method: 'PATCH', path: pathOf(kind, scimId), data: toPatchBody(operations) }
    },
    accept: (_scimId, creating) => done(creating),
    async write(creating) {
      const changed = await makeForAll(toChange, creating)
      if (changed === 'gone') return await whenGone(creating)
      if (changed === 'unchanged') return unchanged(creating)
      if (changed === 'done') return done(creating)
      return refuse(planned.toRefusal?.(changed) ?? changed.refusal, creating)
    },
    refuse,
  }
}

// Strict servers refuse a schema that they do not know: such a change goes without it.
async function makeForAll(
  toChange: PlannedChange['toChange'],
  creating: Creating,
): Promise<Changed> {
  const change = toChange(creating)
  const changed = await makeChange(change, creating)
  const isRefused = typeof changed === 'object' && changed.answer?.status === 400
  if (!isRefused || !(schemas.enterprise in change.attributes)) return changed
  const plain = { ...creating, capabilities: { ...creating.capabilities, enterprise: false } }
  if ((await makeChange(toChange(plain), plain)) !== 'done') return changed
  creating.capabilities.enterprise = false
  return 'done'
}

/** Deletes an account or a group; one that is gone is deleted. */
export function planDeletion(
  id: string,
  at: { readonly kind: Kind; readonly scimId: string },
): Plan<Verdict> {
  const path = pathOf(at.kind, at.scimId)
  const accept = ({ context, directory }: Creating): Verdict => {
    directory.forget(at.scimId)
    return succeed(id, at.scimId, { outcome: 'done', tries: context.tries })
  }
  return {
    id,
    scimId: at.scimId,
    prepare: async () => await Promise.resolve({ method: 'DELETE', path }),
    accept: (_scimId, creating) => accept(creating),
    async write(creating) {
      const answer = await creating.calls.send({ method: 'DELETE', path, ...creating.context })
      if (isSuccess(answer) || answer.status === 404) return accept(creating)
      return fail(id, toRefusal(answer), creating.context.tries)
    },
    refuse: (refusal, { context }) => fail(id, refusal, context.tries),
  }
}
