import { randomUUID } from 'node:crypto'
import { Context } from '@temporalio/activity'
import { leafPaths, type LeafPath } from '../core/profile/attributes.ts'
import {
  contentOf,
  findAttribute,
  withAttributes,
  type Attribute,
  type Profile,
} from '../core/profile/document.ts'
import { signAttribute } from '../crypto/profile-signature.ts'
import type { Publishers } from '../crypto/publishers.ts'
import { judgeSignature } from '../crypto/signature-standing.ts'
import { withTransaction, type Database, type Transaction } from '../db/client.ts'
import { recordVersion, type IntakeDeps } from '../db/profile/intake.ts'
import {
  bookRenewed,
  bookSignatures,
  endSignatureRun,
  findSignatureRun,
  insertSignatureRun,
  listSignedPersons,
  type SignatureFault,
  type SignatureRun,
  type SignedPerson,
} from '../db/profile/signature-runs.ts'
import { lockProfile } from '../db/profile/vault.ts'
import { currentCause } from './context.ts'
import { withHeartbeat } from './heartbeat.ts'

export type SignatureDeps = {
  readonly db: Database
  /** What the intake works with now: keys and sinks. */
  readonly intake: () => Promise<IntakeDeps>
}

type RunRef = { readonly runId: string }

export type SignatureCounts = Readonly<
  Record<'persons' | 'current' | 'renewable' | 'renewed' | 'expired' | 'keyGone', number>
>

export type SignatureActivities = {
  /** Opens the run of a schedule; none while another one is under way, or nobody is in the vault. */
  readonly openSignatureRun: () => Promise<Partial<RunRef>>
  /** Looks at the signatures of the next persons, and renews what can be. */
  readonly checkSignatures: (
    input: RunRef & { readonly cursor?: string | undefined },
  ) => Promise<{ readonly counts: SignatureCounts; readonly cursor?: string }>
  readonly closeSignatureRun: (
    input: RunRef & { readonly state: 'succeeded' | 'failed' },
  ) => Promise<void>
}

type Checked = { readonly path: LeafPath; readonly attribute: Attribute }

const PAGE_SIZE = 100

/** The activities of a look at the vault's signatures; only ids and counts come out of them. */
export function createSignatureActivities(deps: SignatureDeps): SignatureActivities {
  const { db } = deps
  return {
    openSignatureRun: async () => await openRun(db),
    checkSignatures: async (input) => await withHeartbeat(async () => await check(deps, input)),
    closeSignatureRun: async ({ runId, state }) => await endSignatureRun(db, runId, state),
  }
}

async function openRun(db: Database): Promise<Partial<RunRef>> {
  const [anybody] = await listSignedPersons(db, { after: undefined, limit: 1 })
  if (!anybody) return {}
  const id = randomUUID()
  const { workflowId } = currentCause()
  const run = await insertSignatureRun(db, { id, renew: true, startedBy: 'schedule', workflowId })
  return run ? { runId: id } : {}
}

async function check(
  deps: SignatureDeps,
  { runId, cursor }: RunRef & { readonly cursor?: string | undefined },
): ReturnType<SignatureActivities['checkSignatures']> {
  const { db } = deps
  const run = await findSignatureRun(db, runId)
  const intake = await deps.intake()
  const persons = await listSignedPersons(db, { after: cursor, limit: PAGE_SIZE })
  const faults: SignatureFault[] = []
  const totals = { persons: persons.length, current: 0, renewable: 0 }
  for (const person of persons) {
    Context.current().cancellationSignal.throwIfAborted()
    const { current, renewable, lost } = judgePerson(person, intake.publishers)
    totals.current += current
    faults.push(...lost)
    if (renewable === 0) continue
    if (run?.renew === true) await renew(deps, { run, person, intake })
    else totals.renewable += renewable
  }
  const last = persons.at(-1)
  if (last) {
    await withTransaction(
      db,
      async (tx) => await bookSignatures(tx, runId, { ...totals, lastId: last.profileId, faults }),
    )
  }
  const counts = countsOf(await findSignatureRun(db, runId))
  const isMore = persons.length === PAGE_SIZE && last !== undefined
  return { counts, ...(isMore && { cursor: last.profileId }) }
}

function judgePerson(
  { profileId, document }: SignedPerson,
  publishers: Publishers,
): { readonly current: number; readonly renewable: number; readonly lost: SignatureFault[] } {
  const now = new Date()
  const lost: SignatureFault[] = []
  let [current, renewable] = [0, 0]
  for (const { path, attribute } of listSigned(document)) {
    const standing = judgeSignature(attribute, publishers, now)
    if (standing === 'current') current += 1
    else if (standing === 'renewable') renewable += 1
    else {
      const publisher = attribute.signature.publisher.name
      lost.push({ profileId, attribute: path, publisher, reason: standing })
    }
  }
  return { current, renewable, lost }
}

type Renewal = {
  readonly run: SignatureRun
  readonly person: SignedPerson
  readonly intake: IntakeDeps
}

// Once more under the lock: the person may have changed since.
async function renew({ db }: SignatureDeps, renewal: Renewal): Promise<void> {
  await withTransaction(db, async (tx) => {
    const { person, intake, run } = renewal
    const found = await lockProfile(tx, person.userId)
    if (!found || found.deletedAt !== null) return
    const now = new Date()
    const outdated = listSigned(found.document).filter(
      ({ attribute }) => judgeSignature(attribute, intake.publishers, now) === 'renewable',
    )
    if (outdated.length === 0) return
    const document = await signAnew(found.document, outdated, intake.publishers)
    await record(tx, renewal, { ...found, document })
    await bookRenewed(tx, run.id, outdated.length)
  })
}

async function record(
  tx: Transaction,
  { run, person, intake }: Renewal,
  next: NonNullable<Awaited<ReturnType<typeof lockProfile>>>,
): Promise<void> {
  const { requestId = run.id } = currentCause()
  const submission = {
    userId: person.userId,
    publisher: 'cis',
    actor: run.startedBy,
    requestId,
    cause: { signatureRunId: run.id },
    receivedAt: new Date(),
  } as const
  // What is said stays the same: no attribute has changed.
  const change = { submission, found: next, condition: 'update', changed: [] } as const
  await recordVersion(tx, intake, { ...change, document: next.document })
}

async function signAnew(
  document: Profile,
  outdated: readonly Checked[],
  publishers: Publishers,
): Promise<Profile> {
  const signed = outdated.map(async ({ path, attribute }) => {
    const signer = publishers.findSigner(attribute.signature.publisher.name, new Date())
    return [path, signer ? await signAttribute(attribute, signer) : attribute] as const
  })
  return withAttributes(document, new Map(await Promise.all(signed)))
}

function listSigned(document: Profile): Checked[] {
  return leafPaths.flatMap((path) => {
    const attribute = findAttribute(document, path)
    return attribute && contentOf(attribute) !== null ? [{ path, attribute }] : []
  })
}

function countsOf(run: SignatureRun | undefined): SignatureCounts {
  const { persons = 0, current = 0, renewable = 0 } = run ?? {}
  const { renewed = 0, expired = 0, keyGone = 0 } = run ?? {}
  return { persons, current, renewable, renewed, expired, keyGone }
}
