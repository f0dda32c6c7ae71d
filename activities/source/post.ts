import { Context } from '@temporalio/activity'
import { AppError } from '../../core/errors.ts'
import {
  contentOf,
  findAttribute,
  withAttributes,
  type Attribute,
  type PartialProfile,
  type Profile,
  type PublisherName,
} from '../../core/profile/document.ts'
import type { LeafPath } from '../../core/profile/attributes.ts'
import { createAttribute, type AttributeContent } from '../../core/profile/null-profile.ts'
import { signAttribute, type AttributeSigner } from '../../crypto/profile-signature.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import { submitChange, type IntakeDeps } from '../../db/profile/intake.ts'
import { lockProfile } from '../../db/profile/vault.ts'
import { listPendingItems, settleItem, type SourceItem } from '../../db/source/items.ts'
import type { SourceRun } from '../../db/source/runs.ts'

type PostDeps = { readonly db: Database; readonly intake: () => Promise<IntakeDeps> }

type Posting = {
  readonly run: SourceRun
  readonly intake: IntakeDeps
  readonly signer: AttributeSigner
  /** When the source said so; every attribute is as old. */
  readonly at: string
}

const BATCH_SIZE = 100
const PARALLEL = 4

/** Posts the next changes of a run through the intake that everybody's changes go through. */
export async function postItems({ db, intake: load }: PostDeps, run: SourceRun): Promise<void> {
  const intake = await load()
  const publisher = run.publisher as PublisherName // judged when the run was added
  const signer = intake.publishers.findSigner(publisher, new Date())
  if (!signer) return
  const at = formatInstant(run.readAt ?? run.createdAt)
  const queue = [...(await listPendingItems(db, run.id, BATCH_SIZE))]
  const { cancellationSignal } = Context.current()
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      cancellationSignal.throwIfAborted()
      await postItem(db, item, { run, intake, signer, at })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
}

async function postItem(db: Database, item: SourceItem, posting: Posting): Promise<void> {
  const key = { runId: posting.run.id, item: item.item }
  try {
    await withTransaction(db, async (tx) => {
      const isChanged = await post(tx, item, posting)
      const isOurs = await settleItem(tx, key, { state: isChanged ? 'done' : 'unchanged' })
      // Another attempt has posted it meanwhile: what was done here is undone.
      if (!isOurs) throw new SettledError()
    })
  } catch (error) {
    if (error instanceof SettledError) return
    if (!(error instanceof AppError) || error.status >= 500 || error.status === 429) throw error
    await settleItem(db, key, { state: 'failed', code: error.code })
  }
}

async function post(tx: Transaction, item: SourceItem, posting: Posting): Promise<boolean> {
  const found = await lockProfile(tx, item.userId)
  const stored = found && found.deletedAt === null ? found.document : undefined
  if (!stored && item.condition !== 'create') {
    throw new AppError('person_deleted', 'Cannot change this person: they are deleted', {
      status: 409,
    })
  }
  const entries = Object.entries(item.contents)
  // Who comes and goes is said alone, as the publisher rules have it.
  const apart = stored ? entries.filter(([path]) => path === 'active') : []
  const together = entries.filter((entry) => !apart.includes(entry))
  let isChanged = false
  for (const part of [together, apart]) {
    if (part.length === 0) continue
    const body = await createBody(part, { ...posting, stored })
    const result = await submitChange(tx, posting.intake, {
      ...createSubmission(item, posting),
      body,
    })
    isChanged ||= result.condition !== 'noop'
  }
  return isChanged
}

function createSubmission(
  { userId }: SourceItem,
  { run }: Posting,
): Omit<Parameters<typeof submitChange>[2], 'body'> {
  return {
    userId,
    publisher: run.publisher as PublisherName, // judged when the run was added
    actor: `source:${run.source}`,
    requestId: run.requestId,
    receivedAt: new Date(),
    cause: {
      sourceRunId: run.id,
      ...(run.approvalId !== null && { approvalId: run.approvalId }),
    },
  }
}

async function createBody(
  entries: readonly (readonly [LeafPath, AttributeContent])[],
  body: Pick<Posting, 'at' | 'signer'> & { readonly stored: Profile | undefined },
): Promise<PartialProfile> {
  const signed = entries.map(async ([path, content]) => {
    const attribute = createDraft(path, content, body)
    return [path, await signAttribute(attribute, body.signer)] as const
  })
  return withAttributes({}, new Map(await Promise.all(signed)))
}

// The audience is the person's own choice, where there is one.
function createDraft(
  path: LeafPath,
  content: AttributeContent,
  { at, stored }: { readonly at: string; readonly stored: Profile | undefined },
): Attribute {
  const before = stored && findAttribute(stored, path)
  const kept = before && contentOf(before) !== null ? before.metadata : { created: at }
  return createAttribute(path, content, { metadata: { ...kept, last_modified: at } })
}

function formatInstant(at: Date): string {
  return `${at.toISOString().slice(0, 19)}.000Z`
}

class SettledError extends Error {}
