import { Readable } from 'node:stream'
import { z } from 'zod'
import { formatAuditLine, type AuditRecord } from '../../core/audit/record.ts'
import { exportAuditLog } from '../../db/audit/export.ts'
import { listAudit } from '../../db/audit/log.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { auditEntryExample, auditEntrySchema, presentAuditEntry } from '../presenters/audit.ts'

const NDJSON = 'application/x-ndjson'
const position = z.object({ after: z.int().min(0) })

/** `GET /v1/audit`: who did what, by seq; as NDJSON the whole log with its seals, to be verified offline. */
export const listAuditEntries = defineRoute(
  {
    method: 'GET',
    path: '/v1/audit',
    operationId: 'listAuditEntries',
    summary: 'The audit log',
    description:
      'Pages of entries by seq. With `Accept: application/x-ndjson` the whole log as JSON lines, ' +
      'entries and seals, as `registrar audit verify` checks it. A token of a tenant shows nothing ' +
      'that belongs to another one: the whole log needs one without.',
    tags: ['audit'],
    auth: { anyScope: ['audit:read'] },
    query: z.object({
      ...pageQuery,
      after: z.coerce.number().int().min(0).default(0).describe('Entries with a greater seq'),
      subject: z.string().min(1).max(512).optional().describe('`id` or `type:id`'),
    }),
    responses: {
      200: {
        description: 'A page of entries',
        schema: pageOf(auditEntrySchema),
        example: { items: [auditEntryExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ principal, query, url, headers }, { db, keyRing, cursors }) => {
    const { tenant } = principal
    if (headers.accept?.includes(NDJSON)) return streamLog(exportAuditLog(db, keyRing), tenant)
    const scope = `audit ${query.subject ?? ''}`
    const after =
      query.cursor === undefined
        ? query.after
        : position.parse(cursors.open(scope, query.cursor)).after
    const found = await listAudit(db, {
      after,
      subject: query.subject,
      tenant,
      limit: query.limit + 1,
    })
    const { items: entries, last } = cutPage(found, query.limit)
    return replyWithPage(url, {
      items: entries.map(presentAuditEntry),
      next: last && cursors.sign(scope, { after: last.seq }),
    })
  },
)

function streamLog(records: AsyncIterable<AuditRecord>, tenant: string | undefined): Reply {
  const body = Readable.from(formatLines(records, tenant))
  return { status: 200, headers: { 'Content-Type': NDJSON }, body }
}

async function* formatLines(
  records: AsyncIterable<AuditRecord>,
  tenant: string | undefined,
): AsyncGenerator<string, void, undefined> {
  for await (const record of records) {
    if (isOfTenant(record, tenant)) yield `${formatAuditLine(record)}\n`
  }
}

// Who belongs to a tenant sees nothing of another one.
function isOfTenant(record: AuditRecord, tenant: string | undefined): boolean {
  if (tenant === undefined || record.kind !== 'entry') return true
  return (record.cause['tenant'] ?? tenant) === tenant
}
