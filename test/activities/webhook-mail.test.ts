import { MockActivityEnvironment } from '@temporalio/testing'
import { createMailer } from '../../connectors/smtp/mailer.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { gatherDigests } from '../../db/approval/digests.ts'
import { endUpload } from '../../db/upload-closing.ts'
import { relayEvents } from '../../workers/event-relay.ts'
import { addPeople, openTestApproval, putPolicy } from '../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { refuse, startMailbox, type Mailbox, type MailboxOptions } from '../support/mailbox.ts'
import { silentLog } from '../support/temporal.ts'
import { seedChunk, seedUpload } from '../support/uploads.ts'
import { awayTemporal, createWebhookFixture, type WebhookFixture } from '../support/webhooks.ts'

const ring = createKeyRing(generateKeyRingDocument())
const compacts = defaultCompacts.map((compact) => ({
  ...compact,
  contacts: { al: ['board@al.example', 'second@al.example'] },
}))

let database: TestDatabase
let mailbox: Mailbox
let fixture: WebhookFixture

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => await open())
afterEach(async () => {
  await close()
  await database.db.query('truncate events, webhook_endpoints, webhook_deliveries cascade')
})
afterAll(async () => await database.close())

async function open(options: MailboxOptions = {}): Promise<void> {
  mailbox = await startMailbox(options)
  const mailer = createMailer({ url: mailbox.url, from: 'registrar@registrar.example' })
  fixture = createWebhookFixture(database.db, ring, { mailer, compacts })
}

async function close(): Promise<void> {
  fixture.close()
  fixture.deps.mailer?.close()
  await mailbox.close()
}

/** An upload with refused rows that has ended, and whose events are in the queues. */
async function endOne(): Promise<string> {
  const { db } = database
  const uploadId = await seedUpload(db)
  await seedChunk(db, { uploadId, chunk: 0, rows: 300, rejected: 123, applied: true })
  await db.query(
    `insert into upload_faults (upload_id, record, kind, chunk, first_line, last_line, errors)
     select $1, n, 'rejected', 0, n + 1, n + 1, '{"ssn": [{"message": "M.", "code": "m"}]}'
     from generate_series(1, 123) n`,
    [uploadId],
  )
  await endUpload(db, { uploadId, state: 'completed' })
  await relay()
  return uploadId
}

async function relay(): Promise<void> {
  const { db } = database
  const deps = { db, temporal: awayTemporal, sinks: [], compacts, hasMail: true, log: silentLog }
  await relayEvents(deps)
}

async function drain(): Promise<void> {
  const { rows } = await database.db.query<{ id: string }>(
    `select id from webhook_endpoints where kind = 'mail'`,
  )
  const input = { endpointId: rows[0]?.id ?? '' }
  await new MockActivityEnvironment().run(fixture.activities.drainEndpoint, input)
}

async function makeDue(): Promise<void> {
  await database.db.query('update webhook_deliveries set next_attempt_at = clock_timestamp()')
}

async function listDeliveries(): Promise<unknown[]> {
  const { rows } = await database.db.query<object>(
    'select state, attempts, error_code as code from webhook_deliveries order by position',
  )
  return rows
}

test("an upload that ends is one mail to the board's contacts: counts, a hundred faults, N more, a link", async () => {
  const uploadId = await endOne()
  await drain()
  await relay()
  await drain()
  expect(mailbox.mails).toHaveLength(1)
  const [mail] = mailbox.mails
  expect(mail?.to).toEqual(['board@al.example', 'second@al.example'])
  const content = mail?.content.replaceAll('=\r\n', '') ?? ''
  expect(content).toContain(`<upload-digest.${uploadId}@registrar.example>`)
  expect(content).toContain('Subject: License upload of aslp/al: completed, 123 rows refused')
  expect(content).toContain('Line 101 (record 100)')
  expect(content).not.toContain('Line 102 ')
  expect(content).toContain('23 more')
  expect(content).toContain(`https://registrar.example/v1/uploads/${uploadId}/errors`)
  expect(await listDeliveries()).toEqual([{ state: 'succeeded', attempts: 1, code: null }])
})

test('a mail that the server does not take now comes later, with the same id', async () => {
  await close()
  let isBusy = true
  await open({
    onMail() {
      if (isBusy) throw refuse(451)
    },
  })
  const uploadId = await endOne()
  await drain()
  expect(await listDeliveries()).toEqual([
    { state: 'pending', attempts: 1, code: 'mail_unavailable' },
  ])
  isBusy = false
  await makeDue()
  await drain()
  expect(mailbox.mails).toMatchObject([{ content: expect.stringContaining(uploadId) }])
})

test('a mail that the server refuses is given up, and the next one is sent all the same', async () => {
  await close()
  let isFirst = true
  await open({
    onMail() {
      if (!isFirst) return
      isFirst = false
      throw refuse(554)
    },
  })
  await endOne()
  await endOne()
  await drain()
  expect(await listDeliveries()).toEqual(
    expect.arrayContaining([
      { state: 'failed', attempts: 1, code: 'mail_refused' },
      { state: 'succeeded', attempts: 1, code: null },
    ]),
  )
})

test('nobody is mailed about a form that was never used', async () => {
  const uploadId = await seedUpload(database.db, { received: false })
  await endUpload(database.db, { uploadId, state: 'failed', failureCode: 'form_expired' })
  await relay()
  expect(await listDeliveries()).toEqual([])
})

test('an approver gets one mail of all that has become their turn, at their own address', async () => {
  const { db } = database
  await addPeople(db, { approvers: ['ann'] })
  await putPolicy(db)
  const ids = [await openTestApproval(db), await openTestApproval(db)].map((one) => one.approvalId)
  await gatherDigests(db, 100)
  await relay()
  await drain()
  expect(mailbox.mails.map(({ to }) => to)).toEqual([['ann@example.org']])
  const content = mailbox.mails[0]?.content.replaceAll('=\r\n', '') ?? ''
  expect(content).toContain('Subject: 2 approvals wait for your vote')
  for (const id of ids) expect(content).toContain(`https://registrar.example/v1/approvals/${id}`)
  expect(content).not.toContain('Laptops of May')
})
