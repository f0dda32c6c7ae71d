import type { Command } from 'commander'
import { openApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, parseText, type RemoteOptions } from './options.ts'
import { createOutput } from './output.ts'
import { uploadFile } from './upload-file.ts'
import { showUpload } from './upload-report.ts'
import { registerUploadRollbackCommand } from './upload-rollback.ts'
import type { UploadView } from './upload-view.ts'

type Options = RemoteOptions & { readonly compact?: string; readonly jurisdiction?: string }

const EXIT_SOME_REFUSED = 3
const EXIT_FAILED = 1

/** Adds `upload`: sends a file of licenses and follows its ingest to the end. */
export function registerUploadCommand(program: Command): void {
  const command = program
    .command('upload <file>')
    .description('uploads a CSV file of licenses and follows its ingest')
    .option('--compact <compact>', 'abbreviation of the compact, such as aslp; needed', parseText)
    .option('--jurisdiction <code>', 'whose board uploads, such as al; needed', parseText)
    .addHelpText(
      'after',
      '\nWrites FILE.errors.csv and FILE.rejected.csv when rows are refused, else removes older ones.\n' +
        'Exit code: 0 all accepted, 3 some refused, 1 failed.',
    )
    .action(runUpload)
  addRemoteOptions(command)
  registerUploadRollbackCommand(command)
}

async function runUpload(file: string, options: Options, command: Command): Promise<void> {
  const { compact, jurisdiction } = options
  // Options that commander demands would be demanded of subcommands too.
  if (compact === undefined || jurisdiction === undefined) {
    return command.error('error: --compact and --jurisdiction are needed')
  }
  const output = createOutput(options)
  const client = await openApiClient({
    ...options,
    config: loadCommandConfig({ DATA_DIR: options.dataDir }),
    scope: `${compact}/write ${compact}/${jurisdiction}.write`,
  })
  const result = await uploadFile({ client, file, compact, jurisdiction })
  await showUpload(result, { client, output })
  process.exitCode = exitCodeOf(result.upload)
}

/** 0 when all rows were accepted, 3 when some were refused, 1 when the upload failed. */
export function exitCodeOf({ state, counts }: Pick<UploadView, 'state' | 'counts'>): number {
  if (state !== 'completed') return EXIT_FAILED
  return counts.rejected + counts.duplicates > 0 ? EXIT_SOME_REFUSED : 0
}
