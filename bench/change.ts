import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { findAttribute, type Attribute, type Profile } from '../core/profile/document.ts'
import { isSignedBy, signAttribute } from '../crypto/profile-signature.ts'
import { createSignedPerson, fillVault, keysOf } from './person-vault.ts'
import { openPublisher, type BenchPublisher } from './profile-publisher.ts'
import { median, quantile, timeMs, type BenchReport, type BenchRow } from './report.ts'
import { startStack } from './stack.ts'

const PERSONS = 1_000
const CHANGES = 200

type Measure = { readonly publisher: BenchPublisher; readonly raw: pg.Client }

/**
 * Intake of a patch of one attribute, one after the other and in turn with the raw work that every
 * intake has to do: verify one signature, sign one stamp, and one transaction that locks the person,
 * writes the document, the change, an audit entry and a row of the outbox.
 */
export async function changeBench({ repeats }: { readonly repeats: number }): Promise<BenchReport> {
  const stack = await startStack()
  const raw = new pg.Client({ connectionString: stack.databaseUrl })
  await raw.connect()
  try {
    await fillVault(stack.databaseUrl, PERSONS)
    const publisher = await openPublisher(stack, 'mozilliansorg')
    const rows: BenchRow[] = []
    for (let run = 1; run <= repeats; run += 1) rows.push(await measure({ publisher, raw }, run))
    const ratio = median(rows.map((row) => Number(row['ratio p50'])))
    const against = 'verifying, signing and one transaction with the same writes'
    return { name: 'change', against, rows: [...rows, { run: 'median', 'ratio p50': ratio }] }
  } finally {
    await raw.end()
    await stack.stop()
  }
}

async function measure({ publisher, raw }: Measure, run: number): Promise<BenchRow> {
  const rawMs: number[] = []
  const postMs: number[] = []
  for (let number = 0; number < CHANGES; number += 1) {
    const { user_id } = keysOf(1 + (number % PERSONS))
    const body = await publisher.sign({ fun_title: `Title ${run} ${number}` })
    rawMs.push(await timeMs(async () => await doRawWork({ publisher, raw }, { number, body })))
    postMs.push(await timeMs(async () => await publisher.post(user_id, body)))
  }
  return {
    run,
    'raw p50 ms': median(rawMs),
    'intake p50 ms': median(postMs),
    'intake p99 ms': quantile(postMs, 0.99),
    'ratio p50': median(rawMs) / median(postMs),
  }
}

type Work = { readonly number: number; readonly body: string }

// Of persons in the other half, whom the product leaves alone meanwhile.
async function doRawWork({ publisher, raw }: Measure, { number, body }: Work): Promise<void> {
  const attribute = findAttribute(JSON.parse(body) as Profile, 'fun_title')
  if (
    !attribute ||
    !isSignedBy(attribute, publisher.publishers.keysOf('mozilliansorg', new Date()))
  ) {
    throw new Error('Cannot verify what was just signed')
  }
  const { user_id } = keysOf(PERSONS - (number % (PERSONS / 2)))
  await raw.query('begin')
  const { rows } = await raw.query<{ id: string; document: Profile }>(
    'select id, document from profiles where user_id = $1 for update',
    [user_id],
  )
  const [person = { id: randomUUID(), document: createSignedPerson(1) }] = rows
  const stamp = findAttribute(person.document, 'last_modified')
  const last_modified = await signAttribute(stamp as Attribute, publisher.signer) // every profile has one
  const document = { ...person.document, fun_title: attribute, last_modified }
  await raw.query('update profiles set document = $2, version = version + 1 where id = $1', [
    person.id,
    JSON.stringify(document),
  ])
  await raw.query(
    `insert into profile_changes (serial, profile_id, publisher, condition, changed, version,
       after_hash, actor, request_id, sinks, received_at)
     values (nextval('profile_serials'), $1, 'bench', 'update', '{fun_title}', 1, 'x', 'bench',
       'bench', '{}', now())`,
    [person.id],
  )
  await raw.query(
    `insert into audit_entries (actor, action, subject_type, subject_id, cause)
     values ('bench', 'profile.updated', 'profile', $1, '{}')`,
    [person.id],
  )
  await raw.query(
    `insert into workflow_starts
       (workflow_id, workflow_type, task_queue, input, summary, request_id, next_attempt_at)
     values ($1, 'bench', 'bench', '{}', 'bench', 'bench', 'infinity')`,
    [person.id],
  )
  await raw.query('commit')
}
