import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { verifyAuditLog, type AuditVerdict } from '../crypto/audit-verify.ts'
import { exportAuditLog } from '../db/audit/export.ts'
import { listSealKeys } from '../db/audit/keys.ts'
import { readAuditLog } from '../db/audit/log.ts'
import { sealAudit } from '../db/audit/sealer.ts'
import { auditKeysPath, keepAuditKeys } from '../workers/audit-keys-file.ts'
import { readAuditFile, writeAuditFile } from './audit-file.ts'
import { loadDatabaseSealKeys, loadKeptSealKeys, loadSealKeys } from './audit-keys.ts'
import { withMigratedDatabase } from './migrated-database.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  parseText,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'

type ExportOptions = DataDirOption & JsonOption
type VerifyOptions = DataDirOption & JsonOption & { readonly keys?: string }

const SEAL_TIMEOUT_MS = 10_000
const EXIT_BROKEN = 1

/** Adds `audit export` and `audit verify`. */
export function registerAuditCommand(program: Command): void {
  const audit = program.command('audit').description('exports and verifies the audit log')
  const exporting = audit
    .command('export')
    .description('writes the sealed audit log as JSON lines')
    .argument('<file>', 'the file to write', parseText)
    .action(runExport)
  const verifying = audit
    .command('verify')
    .description('checks the audit log of the database, or an export')
    .argument('[file]', 'an export', parseText)
    .option('--keys <file>', 'the public keys (JWKS) of the seals', parseText)
    .action(runVerify)
  for (const command of [exporting, verifying]) addJsonOption(addDataDirOption(command))
}

async function runExport(file: string, options: ExportOptions): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const ring = await loadKeyRing(config)
  const counts = await withMigratedDatabase(config, async (db) => {
    const written = await writeAuditFile(file, exportAuditLog(db, ring))
    await keepAuditKeys(config.dataDir, await listSealKeys(db, ring))
    return written
  })
  const output = createOutput(options)
  const keys = auditKeysPath(config.dataDir)
  output.result({ file, ...counts, keys }, () => {
    output.line(`Wrote ${counts.entries} entries and ${counts.seals} seals to ${file}`)
    output.line(`The keys that verify it are in ${keys}`)
  })
}

async function runVerify(file: string | undefined, options: VerifyOptions): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const verdict =
    file === undefined
      ? await verifyDatabase(config, options.keys)
      : await verifyExport(config, { file, keysPath: options.keys })
  const output = createOutput(options)
  output.result(verdict, () => output.line(describeVerdict(verdict)))
  if (!verdict.ok) process.exitCode = EXIT_BROKEN
}

async function verifyDatabase(config: Config, keysPath: string | undefined): Promise<AuditVerdict> {
  const ring = await loadKeyRing(config)
  return await withMigratedDatabase(config, async (db) => {
    await sealAudit(db, { ring, timeoutMs: SEAL_TIMEOUT_MS })
    await keepAuditKeys(config.dataDir, await listSealKeys(db, ring))
    const keys = await (keysPath === undefined
      ? loadDatabaseSealKeys(db, { ring, dataDir: config.dataDir })
      : loadSealKeys(keysPath))
    const records = readAuditLog(db, { includeUnsealed: true })
    return await verifyAuditLog(records, { keys, allowUnsealed: true })
  })
}

type ExportCheck = { readonly file: string; readonly keysPath: string | undefined }

async function verifyExport(
  config: Config,
  { file, keysPath }: ExportCheck,
): Promise<AuditVerdict> {
  const keys = await (keysPath === undefined ? loadKeptSealKeys(config) : loadSealKeys(keysPath))
  return await verifyAuditLog(readAuditFile(file), { keys, allowUnsealed: false })
}

function describeVerdict(verdict: AuditVerdict): string {
  if (!verdict.ok) return `Entry ${verdict.seq} does not hold: ${verdict.reason}`
  const { entries, seals, unsealed, head } = verdict
  const waiting = unsealed > 0 ? ` (${unsealed} not sealed yet: their transactions are open)` : ''
  return `The audit log holds: ${entries} entries${waiting}, ${seals} seals, head ${head}`
}
