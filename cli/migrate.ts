import type { Command } from 'commander'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'

/** Adds `migrate`: brings the database up to date. */
export function registerMigrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description('brings the database up to date; many may run at once')
    .action(runMigrate)
  addJsonOption(addDataDirOption(command))
}

async function runMigrate(options: DataDirOption & JsonOption): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const output = createOutput(options)
  const { migrate } = await import('../db/migrate.ts')
  const { withLocalDatabase } = await import('./local-database.ts')
  const applied = await withLocalDatabase(config, migrate)
  output.result({ applied }, () => {
    for (const name of applied) output.line(`Applied ${name}`)
    if (applied.length === 0) output.line('The database is up to date')
  })
}
