import { Readable } from 'node:stream'
import { z } from 'zod'
import { formatAuditLine, type AuditLogEntry } from '../../core/audit/record.ts'
import { writeSafeLine } from '../../core/csv/write.ts'
import { listTenantAudit } from '../../db/audit/log.ts'
import type { Database } from '../../db/client.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { auditEntryExample, auditEntrySchema, presentAuditEntry } from '../presenters/audit.ts'
import { NO_TENANT, tenantParams } from '../roster-access.ts'

const NDJSON = 'application/x-ndjson'
const CSV = 'text/csv'
const EXPORT_PAGE = 2_000
const COLUMNS = [
  'seq',
  'at',
  'actor',
  'action',
  'subjectType',
  'subjectId',
  'before',
  'after',
  'cause',
]
const position = z.object({ after: z.int().min(0) })

/** `GET /tenants/{tenantId}/audit`: who did what in this tenant, by seq. */
export const listTenantAuditEntries = defineRoute(
  {
    method: 'GET',
    path: '/tenants/{tenantId}/audit',
    operationId: 'listTenantAudit',
    summary: "The audit entries of a tenant's rosters",
    description:
      'Pages of entries by seq. With `Accept: application/x-ndjson` or `text/csv` all of them after ' +
      '`after`, as JSON lines or CSV.',
    tags: ['rosters', 'audit'],
    auth: { anyScope: ['audit:read'] },
    params: tenantParams,
    ofTenant: true,
    query: z.object({
      ...pageQuery,
      after: z.coerce
        .number()
        .int()
        .min(0)
        .max(Number.MAX_SAFE_INTEGER)
        .default(0)
        .describe('Entries with a greater seq'),
    }),
    responses: {
      200: {
        description: 'A page of entries',
        schema: pageOf(auditEntrySchema),
        example: { items: [auditEntryExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NO_TENANT },
  },
  async ({ params, query, url, headers }, { db, cursors }) => {
    const { tenantId: tenant } = params
    const { after, cursor, limit } = query
    const pages = (): AsyncGenerator<AuditLogEntry[]> => readPages(db, { tenant, after })
    if (headers.accept?.includes(NDJSON)) return stream(NDJSON, writeJsonLines(pages()))
    if (headers.accept?.includes(CSV)) return stream(CSV, writeCsv(pages()))
    const scope = `tenant-audit ${tenant}`
    const from = cursor ? position.parse(cursors.open(scope, cursor)).after : after
    const found = await listTenantAudit(db, { tenant, after: from, limit: limit + 1 })
    const { items: entries, last } = cutPage(found, limit)
    return replyWithPage(url, {
      items: entries.map(presentAuditEntry),
      next: last && cursors.sign(scope, { after: last.seq }),
    })
  },
)

function stream(
  type: string,
  content: AsyncIterable<string>,
): { readonly status: number; readonly headers: Record<string, string>; readonly body: Readable } {
  const body = Readable.from(content, { objectMode: false })
  return { status: 200, headers: { 'Content-Type': `${type}; charset=utf-8` }, body }
}

async function* readPages(
  db: Database,
  { tenant, after }: { readonly tenant: string; readonly after: number },
): AsyncGenerator<AuditLogEntry[]> {
  for (let last = after, isMore = true; isMore;) {
    const page = await listTenantAudit(db, { tenant, after: last, limit: EXPORT_PAGE })
    yield page
    last = page.at(-1)?.seq ?? last
    isMore = page.length === EXPORT_PAGE
  }
}

async function* writeJsonLines(pages: AsyncIterable<AuditLogEntry[]>): AsyncGenerator<string> {
  for await (const page of pages) {
    if (page.length > 0) yield page.map((entry) => `${formatAuditLine(entry)}\n`).join('')
  }
}

async function* writeCsv(pages: AsyncIterable<AuditLogEntry[]>): AsyncGenerator<string> {
  yield writeSafeLine(COLUMNS)
  for await (const page of pages) {
    if (page.length > 0) yield page.map(toLine).join('')
  }
}

function toLine({ seq, at, actor, action, subject, ...rest }: AuditLogEntry): string {
  const { before = '', after = '', cause } = rest
  const { type, id } = subject
  return writeSafeLine([
    String(seq),
    at,
    actor,
    action,
    type,
    id,
    before,
    after,
    JSON.stringify(cause),
  ])
}
