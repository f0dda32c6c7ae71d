import type { Adopt, Verdict } from '../../core/roster/target.ts'
import type { Account } from './account-index.ts'
import type { ScimAnswer } from './calls.ts'
import { makeChange, readOne, type Changed, type Changing } from './change.ts'
import type { Directory, Doubt } from './directory.ts'
import type { PatchOperation } from './patch.ts'
import type { RecordKind } from './record.ts'
import { findLocatedId, parseResource, schemas, type Resource } from './resource.ts'
import { fail, isSuccess, isTaken, succeed, toRefusal, type Refusal } from './verdict.ts'

export type Creating = Changing & { readonly directory: Directory; readonly adopt: Adopt }

export type Written = { readonly externalId: string }

export type Creation<T extends Written> = {
  readonly id: string
  readonly after: T
  readonly record: RecordKind<T>
  /** A POST for it may have come through. */
  readonly isUnsure: boolean
}

/** Who is there for a record: nobody, somebody who is ours, or somebody who has its name. */
export type Standing = Account | 'free' | 'conflict'

type Step = Verdict | 'unknown' | 'again'

/**
 * Creates an account or a group unless it is there: found by its externalId, then by its name. A
 * POST whose outcome is unknown is looked up before the next one; what is then found under the name
 * that was free before, without an externalId, is ours: some targets keep none.
 */
export async function create<T extends Written>(
  creation: Creation<T>,
  creating: Creating,
): Promise<Verdict> {
  let { isUnsure } = creation
  for (let attempt = 1; ; attempt += 1) {
    const step = await tryOnce({ ...creation, isUnsure }, creating)
    if (typeof step === 'object') return step
    if (step === 'unknown') isUnsure = true
    await creating.calls.backOff(attempt, creating.context)
  }
}

/** Looks for the account or group that a record would be. */
export async function findStanding<T extends Written>(
  { after, record, isUnsure }: Omit<Creation<T>, 'id'>,
  { directory, adopt, context }: Pick<Creating, 'directory' | 'adopt' | 'context'>,
  doubt?: Doubt,
): Promise<Standing> {
  const { own, named } = await directory.find(record.keyOf(after), context, doubt)
  if (own) return own
  if (!named) return 'free'
  const mayAdopt = adopt === 'userName' || isUnsure
  return named.externalId === undefined && mayAdopt ? named : 'conflict'
}

// The id of what was made, of its body or its `Location`.
function findNewId(answer: ScimAnswer): string | undefined {
  return parseResource(answer)?.id ?? findLocatedId(answer.location)
}

/** Why a change was refused: somebody who has the name has a code of its own. */
export function explain<T>(
  { refusal, answer }: Exclude<Changed, string>,
  { nameConflict }: Pick<RecordKind<T>, 'nameConflict'>,
): Refusal {
  return answer && isTaken(answer) ? nameConflict : refusal
}

/** Lets the directory know of an account or group that is there now. */
export function rememberCreated<T extends Written>(
  id: string,
  { after, record }: Pick<Creation<T>, 'after' | 'record'>,
  directory: Directory,
): void {
  const { externalId, name } = record.keyOf(after)
  directory.remember({ id, externalId, name })
}

async function tryOnce<T extends Written>(
  creation: Creation<T>,
  creating: Creating,
): Promise<Step> {
  const { id, record, isUnsure } = creation
  const { tries } = creating.context
  let standing = await findStanding(creation, creating, isUnsure ? 'unknown' : undefined)
  // What is known may be old.
  if (standing === 'conflict') standing = await findStanding(creation, creating, 'conflict')
  if (standing === 'conflict') return fail(id, record.nameConflict, tries)
  if (standing !== 'free') return await take(standing, creation, creating)
  const answer = await post(creation, creating)
  if (!answer) return 'unknown'
  if (isTaken(answer)) return await resolve(creation, creating)
  if (!isSuccess(answer)) return fail(id, toRefusal(answer), tries)
  const scimId = findNewId(answer)
  if (scimId === undefined) return 'unknown'
  rememberCreated(scimId, creation, creating.directory)
  return succeed(id, scimId, { outcome: 'done', tries })
}

async function post<T extends Written>(
  { record, after }: Creation<T>,
  { calls, capabilities, context }: Creating,
): Promise<ScimAnswer | undefined> {
  const path = `/${record.kind}`
  const body = record.toBody(after, capabilities)
  const answer = await calls.once({ method: 'POST', path, body, ...context })
  if (answer?.status !== 400 || !(schemas.enterprise in body)) return answer
  // Strict servers refuse a schema that they do not know.
  const plain = record.toBody(after, { enterprise: false })
  const second = await calls.once({ method: 'POST', path, body: plain, ...context })
  if (second && isSuccess(second)) capabilities.enterprise = false
  return second
}

// Somebody has what has to be unique: it may be ours.
async function resolve<T extends Written>(
  creation: Creation<T>,
  creating: Creating,
): Promise<Step> {
  const standing = await findStanding(creation, creating, 'conflict')
  const { tries } = creating.context
  if (standing === 'conflict') return fail(creation.id, creation.record.nameConflict, tries)
  if (standing === 'free') return fail(creation.id, CONFLICT, tries)
  return await take(standing, creation, creating)
}

async function take<T extends Written>(
  account: Account,
  creation: Creation<T>,
  creating: Creating,
): Promise<Step> {
  const { id, after, record } = creation
  const { capabilities, context } = creating
  const resource = await readAccount(account, creation, creating)
  if (resource === 'gone') return leave(account, creating)
  if (!('id' in resource)) return fail(id, resource.refusal, context.tries)
  const findRest = (held: Resource): readonly PatchOperation[] =>
    record.findRest(held, after, { capabilities })
  const changed = await makeChange(
    {
      kind: record.kind,
      scimId: account.id,
      operations: findRest(resource),
      attributes: record.toBody(after, capabilities),
      findRest,
      externalIds: [after.externalId],
    },
    creating,
  )
  if (changed === 'gone') return leave(account, creating)
  if (typeof changed === 'object') return fail(id, explain(changed, record), context.tries)
  rememberCreated(account.id, creation, creating.directory)
  const outcome = creation.isUnsure ? 'done' : 'adopted'
  return succeed(id, account.id, { outcome, tries: context.tries })
}

// What was found is looked at once more before it is written: a list may be old.
async function readAccount<T extends Written>(
  account: Account,
  { after, record }: Creation<T>,
  creating: Creating,
): Promise<Resource | 'gone' | { readonly refusal: Refusal }> {
  if (account.resource) return account.resource
  const read = await readOne({ kind: record.kind, scimId: account.id }, creating)
  if (read === 'gone' || 'refusal' in read) return read
  const held = read.resource['externalId']
  const isForeign = typeof held === 'string' && held !== '' && held !== after.externalId
  return isForeign ? { refusal: record.nameConflict } : read.resource
}

function leave(account: Account, { directory }: Creating): Step {
  directory.forget(account.id)
  return 'again'
}

const CONFLICT: Refusal = {
  code: 'conflict',
  message: 'The target says that it has this record, but does not show where',
}
