import { createReadStream, createWriteStream } from 'node:fs'
import { access, rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { formatAuditLine, parseAuditLine, type AuditRecord } from '../core/audit/record.ts'
import { AppError } from '../core/errors.ts'
import type { UnreadableLine } from '../crypto/audit-verify.ts'

export type AuditCounts = { readonly entries: number; readonly seals: number }

const OWNER_ONLY = 0o600

/** Writes records as JSON lines; the file appears when it is whole. */
export async function writeAuditFile(
  path: string,
  records: AsyncIterable<AuditRecord>,
): Promise<AuditCounts> {
  const counts = { entries: 0, seals: 0 }
  const draft = `${path}.${process.pid}.part`
  try {
    const lines = Readable.from(formatLines(records, counts), { objectMode: false })
    await pipeline(lines, createWriteStream(draft, { mode: OWNER_ONLY, flush: true }))
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    const refusal = error as NodeJS.ErrnoException // read as one only where it names the draft
    // Nobody has heard of the draft.
    if (refusal.path === draft) refusal.path = path
    throw error
  }
  return counts
}

/** Reads an export line by line; throws `file_not_found`. Blank lines are nothing. */
export async function* readAuditFile(
  path: string,
): AsyncGenerator<AuditRecord | UnreadableLine, void, undefined> {
  await access(path).catch((cause: unknown) => throwNotFound(path, cause))
  if ((await stat(path)).isDirectory()) throwNotFound(path)
  let line = 0
  for await (const text of readLines(path)) {
    line += 1
    if (text.trim() !== '') yield parseAuditLine(text) ?? { kind: 'unreadable', line }
  }
}

/** Throws `file_not_found` for a file that was named and cannot be read. */
export function throwNotFound(path: string, cause?: unknown): never {
  throw new AppError('file_not_found', `Cannot read "${path}": there is no such readable file`, {
    status: 404,
    cause,
  })
}

async function* formatLines(
  records: AsyncIterable<AuditRecord>,
  counts: { entries: number; seals: number },
): AsyncGenerator<string, void, undefined> {
  for await (const record of records) {
    if (record.kind === 'seal') counts.seals += 1
    else counts.entries += 1
    yield `${formatAuditLine(record)}\n`
  }
}

// Not node:readline: it also ends lines at U+2028, which may stand inside a JSON string.
async function* readLines(path: string): AsyncGenerator<string, void, undefined> {
  let rest = ''
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = `${rest}${String(chunk)}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}
