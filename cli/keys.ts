import type { Command } from 'commander'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { listSealKeys } from '../db/audit/keys.ts'
import { rotateKeys } from '../db/keys/rotation.ts'
import { listKeyUsage, type KeyUsage } from '../db/keys/usage.ts'
import { keepAuditKeys } from '../workers/audit-keys-file.ts'
import { withMigratedDatabase } from './migrated-database.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput, type Output } from './output.ts'

type Options = DataDirOption & JsonOption

const PROGRESS_EVERY = 10_000

/** Adds `keys rotate` and `keys status`. */
export function registerKeysCommand(program: Command): void {
  const keys = program.command('keys').description('looks after the key ring')
  const rotating = keys
    .command('rotate')
    .description("encrypts all that is stored anew with the ring's current key; may be run again")
    .action(runRotate)
  const asking = keys
    .command('status')
    .description('says how much is stored under each key, so that an old one can be dropped')
    .action(runStatus)
  for (const command of [rotating, asking]) addJsonOption(addDataDirOption(command))
}

async function runRotate(options: Options): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const ring = await loadKeyRing(config)
  const output = createOutput(options)
  const onProgress = (name: string, count: number): void => {
    if (count > 0 && count % PROGRESS_EVERY === 0) output.progress(`${name}: ${count}`)
  }
  const rotated = await withMigratedDatabase(config, async (db) => {
    const counts = await rotateKeys(db, { ring, actor: 'cli', onProgress })
    await keepAuditKeys(config.dataDir, await listSealKeys(db, ring))
    return counts
  })
  output.result({ current: ring.currentId, rotated }, () => {
    const rows = Object.entries(rotated).map(([name, count]) => [name, String(count)])
    output.table(['value', `brought under key ${ring.currentId}`], rows)
  })
}

async function runStatus(options: Options): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const ring = await loadKeyRing(config)
  const usage = await withMigratedDatabase(config, async (db) => await listKeyUsage(db, ring))
  const keys = usage.map((key) => ({ ...key, droppable: isDroppable(key) }))
  const output = createOutput(options)
  output.result({ keys }, () => showUsage(output, keys))
}

function isDroppable({ inRing, current, values }: KeyUsage): boolean {
  return inRing && !current && Object.keys(values).length === 0
}

function showUsage(output: Output, keys: readonly (KeyUsage & { droppable: boolean })[]): void {
  const rows = keys.map((key) => [
    key.id,
    describeKey(key),
    Object.entries(key.values)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || 'nothing',
  ])
  output.table(['key', 'state', 'stored under it'], rows)
  if (keys.some((key) => key.droppable))
    output.line('A key may be dropped once Temporal keeps no run from before the switch either.')
}

function describeKey(key: KeyUsage & { readonly droppable: boolean }): string {
  if (!key.inRing) return 'missing from the ring'
  if (key.current) return 'current'
  return key.droppable ? 'may be dropped' : 'in use'
}
