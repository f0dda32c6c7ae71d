import { createWriteStream } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { findCompact, isMember } from '../core/license/compacts.ts'
import { countLicenseFile, generateLicenseFile } from '../core/sample/licenses.ts'
import type { SampleFile } from '../core/sample/plan.ts'
import {
  addJsonOption,
  loadCommandConfig,
  parseCount,
  parseSeed,
  parseText,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'
import { registerSampleDistrictCommand } from './sample-district.ts'

type Options = JsonOption & {
  readonly rows: number
  readonly seed: number
  readonly compact: string
  readonly jurisdiction: string
  readonly later?: boolean
  readonly badBytes: boolean
  readonly out?: string
}

const DEFAULT_ROWS = 1_000
const DEFAULT_SEED = 1
const BATCH_BYTES = 65_536

/** Adds `sample`: made-up data to try Registrar with. */
export function registerSampleCommand(program: Command): void {
  const sample = program
    .command('sample')
    .description('made-up data to try things with; nobody in it exists')
  registerSampleDistrictCommand(sample)
  const command = sample
    .command('licenses')
    .description("a board's license file: 2 % of its rows are faulty, some are duplicates")
    .option('--rows <n>', 'how many licensees the board had at first', parseCount, DEFAULT_ROWS)
    .option('--seed <n>', 'equal seeds give equal files', parseSeed, DEFAULT_SEED)
    .option('--compact <compact>', 'whose license types it has', parseText, 'aslp')
    .option('--jurisdiction <code>', 'whose board it is', parseText, 'oh')
    .option('--later', 'the file that the same board sends later: renewals, moves, newcomers')
    .option('--no-bad-bytes', 'leave out rows that are not UTF-8')
    .option('--out <file>', 'where to write it (stdout)', parseText)
    .action(runSampleLicenses)
  addJsonOption(command).addHelpText(
    'after',
    '\nWith --json, stdout has what an upload of the file will count, and the file is written only with --out.',
  )
}

async function runSampleLicenses(options: Options, command: Command): Promise<void> {
  const file = toSampleFile(options, command)
  const output = createOutput(options)
  if (options.out !== undefined) await writeSample(createWriteStream(options.out), file)
  else if (!output.json) await writeSample(process.stdout, file)
  if (output.json) output.result(countLicenseFile(file), () => {})
}

function toSampleFile(options: Options, command: Command): SampleFile {
  const { rows, seed, jurisdiction, later = false, badBytes } = options
  const { compacts } = loadCommandConfig()
  const compact = findCompact(compacts, options.compact)
  if (!compact) {
    const known = compacts.map(({ abbreviation }) => abbreviation).join(', ')
    return command.error(`error: unknown compact "${options.compact}": it is one of ${known}`)
  }
  if (!isMember(compact, jurisdiction)) {
    return command.error(
      `error: unknown jurisdiction "${jurisdiction}": it is the code of a member, such as "${compact.members[0] ?? ''}"`,
    )
  }
  return { compact, jurisdiction, rows, seed, later, badBytes }
}

/** Writes a file's lines to a stream; a reader that goes away (`| head`) is no failure. */
export async function writeSample(target: Writable, file: SampleFile): Promise<void> {
  const end = target !== process.stdout
  try {
    await pipeline(Readable.from(batchLines(generateLicenseFile(file))), target, { end })
  } catch (error) {
    if (!isBrokenPipe(error)) throw error
  }
}

/** Joins lines into buffers of 64 kB, so that a file is not written line by line. */
export function* batchLines(lines: Iterable<Uint8Array>): Generator<Buffer> {
  let batch: Uint8Array[] = []
  let sizeBytes = 0
  for (const line of lines) {
    batch.push(line)
    sizeBytes += line.length
    if (sizeBytes < BATCH_BYTES) continue
    yield Buffer.concat(batch)
    batch = []
    sizeBytes = 0
  }
  if (sizeBytes > 0) yield Buffer.concat(batch)
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}
