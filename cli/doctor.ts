import type { Command } from 'commander'
import { findDataDirHolder } from './data-dir-lock.ts'
import type { DoctorPart } from './doctor-parts.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput, type Output } from './output.ts'
import { findRunFile } from './run-file.ts'

const EXIT_UNHEALTHY = 1

/** Adds `doctor`: what is configured, reachable, which version, and the remedy for what is not. */
export function registerDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('what is configured, what can be reached, and what to do about the rest')
    .action(runDoctor)
  addJsonOption(addDataDirOption(command))
}

async function runDoctor(options: DataDirOption & JsonOption): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  // After kill -9 the file of the run is still there, and names what may belong to others by now.
  const isRunning = (await findDataDirHolder(config.dataDir)) !== undefined
  const run = isRunning ? await findRunFile(config.dataDir) : undefined
  const { examineParts } = await import('./doctor-parts.ts')
  const parts = await examineParts({ config, run })
  const ok = parts.every((part) => part.reachable)
  const output = createOutput(options)
  output.result({ ok, parts }, () => showParts(parts, output))
  if (!ok) process.exitCode = EXIT_UNHEALTHY
}

function showParts(parts: readonly DoctorPart[], output: Output): void {
  output.table(
    ['part', 'configured', 'reachable', 'version'],
    parts.map((part) => [
      part.name,
      part.configured,
      part.reachable ? 'yes' : 'NO',
      part.version ?? '',
    ]),
  )
  for (const { name, remedy } of parts) {
    if (remedy !== null) output.line(`${name}: ${remedy}`)
  }
}
