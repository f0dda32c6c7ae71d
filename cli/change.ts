import { readFile } from 'node:fs/promises'
import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import {
  publisherNames,
  type PartialProfile,
  type PublisherName,
} from '../core/profile/document.ts'
import { showChange } from './change-report.ts'
import { readChange, submitChange } from './change-view.ts'
import { openApiClient, type ApiClient } from './client.ts'
import { addRemoteOptions, loadCommandConfig, parseCount, type RemoteOptions } from './options.ts'
import { createOutput } from './output.ts'
import { signProfile } from './sign-profile.ts'

type Options = RemoteOptions
type SubmitOptions = Options & {
  readonly sign?: PublisherName
  readonly publisher?: PublisherName
  readonly userId?: string
}
type StatusOptions = Options & { readonly publisher?: PublisherName; readonly follow?: boolean }

const WAIT_SECONDS = 30

/** Adds `change submit` and `change status`. */
export function registerChangeCommand(program: Command): void {
  const changes = program.command('change').description('changes of profiles')
  const commands = [
    changes
      .command('submit <file>')
      .description('sends a whole or partial profile; exit code 0 also when nothing changes')
      .option(
        '--sign <publisher>',
        'sign its attributes with this key of PUBLISHERS_FILE',
        parsePublisher,
      )
      .option(
        '--publisher <name>',
        'of the local token; the one that signs unless said',
        parsePublisher,
      )
      .option('--user-id <id>', 'whom it is about, where the file does not say')
      .action(runSubmit),
    changes
      .command('status')
      .argument('<serial>', 'the sequence_number that the change was answered with', parseCount)
      .description('how far a change has got')
      .option('--follow', 'until every sink has settled; exit code 3 when one failed')
      .option('--publisher <name>', 'of the local token', parsePublisher)
      .action(runStatus),
  ]
  for (const command of commands) addRemoteOptions(command)
}

async function runSubmit(file: string, options: SubmitOptions): Promise<void> {
  const output = createOutput(options)
  const document = await readDocument(file)
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const body = options.sign
    ? await signProfile(document, { publisher: options.sign, config })
    : document
  const client = await open(options, options.publisher ?? options.sign)
  const answer = await submitChange(client, body, options.userId)
  output.result(answer, () => {
    if (answer.sequence_number === null) output.line('Nothing changes: all of it is stored already')
    else output.line(`${answer.condition}: change ${answer.sequence_number} is in the vault`)
  })
}

async function runStatus(serial: number, options: StatusOptions): Promise<void> {
  const output = createOutput(options)
  const client = await open(options, options.publisher)
  let found = await readChange(client, serial)
  while (options.follow && found.sinks.some(({ state }) => state === 'pending')) {
    const settled = found.sinks.filter(({ state }) => state !== 'pending').length
    output.progress(`${settled} of ${found.sinks.length} sinks have settled`)
    found = await readChange(client, serial, WAIT_SECONDS)
  }
  output.result(found, () => showChange(output, found))
  if (found.sinks.some(({ state }) => state === 'failed')) process.exitCode = 3
}

async function readDocument(file: string): Promise<PartialProfile> {
  const text = await readFile(file, 'utf8').catch(() => throwUnread(file))
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid_file', `Cannot read "${file}": it is no JSON object`, {
      status: 400,
      cause,
    })
  }
}

function throwUnread(file: string): never {
  throw new AppError('no_such_file', `Cannot read "${file}": it is no file`, { status: 404 })
}

// The local token belongs to the publisher; without one it reads everybody's changes.
async function open(options: Options, publisher: PublisherName | undefined): Promise<ApiClient> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const scope = publisher === undefined ? 'change:read' : 'write'
  return await openApiClient({ ...options, config, scope, publisher })
}

function parsePublisher(text: string): PublisherName {
  const found = publisherNames.find((name) => name === text)
  if (found) return found
  throw new InvalidArgumentError(`It must be one of ${publisherNames.join(', ')}.`)
}
