import { readFile } from 'node:fs/promises'
import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { createLogger } from '../config/log.ts'
import { watchPublishers } from '../config/publishers-file.ts'
import { AppError } from '../core/errors.ts'
import { leafPaths } from '../core/profile/attributes.ts'
import {
  contentOf,
  findAttribute,
  publisherNames,
  withAttributes,
  type PartialProfile,
  type PublisherName,
} from '../core/profile/document.ts'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { signAttribute } from '../crypto/profile-signature.ts'
import { signLocalToken } from '../crypto/token.ts'
import { openApiClient, type ApiClient } from './client.ts'
import {
  addDataDirOption,
  addJsonOption,
  addRemoteOptions,
  loadCommandConfig,
  parseCount,
  type DataDirOption,
  type JsonOption,
  type RemoteOptions,
} from './options.ts'
import { createOutput, type Output } from './output.ts'

type Options = DataDirOption & JsonOption & RemoteOptions
type SubmitOptions = Options & {
  readonly sign?: PublisherName
  readonly publisher?: PublisherName
  readonly userId?: string
}
type StatusOptions = Options & { readonly publisher?: PublisherName; readonly follow?: boolean }

const TOKEN_SECONDS = 3_600
const WAIT_SECONDS = 30

const reply = z.object({
  sequence_number: z.number().nullable(),
  status_code: z.number(),
  condition: z.string(),
})
const change = z.object({
  serial: z.number(),
  publisher: z.string(),
  condition: z.string(),
  changed: z.array(z.string()),
  tags: z.array(z.object({ tag: z.string(), at: z.string() })),
  sinks: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      attempts: z.number(),
      error: z.object({ code: z.string() }).optional(),
    }),
  ),
})
type Change = z.output<typeof change>

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
      .command('status <serial>')
      .description('how far a change has got')
      .option('--follow', 'until every sink has settled; exit code 3 when one failed')
      .option('--publisher <name>', 'of the local token', parsePublisher)
      .action(runStatus),
  ]
  for (const command of commands) addRemoteOptions(addJsonOption(addDataDirOption(command)))
}

async function runSubmit(file: string, options: SubmitOptions): Promise<void> {
  const output = createOutput(options)
  const document = await readDocument(file)
  const body = options.sign ? await sign(document, options.sign, options) : document
  const client = await open(options, options.publisher ?? options.sign)
  const query = options.userId ? `?user_id=${encodeURIComponent(options.userId)}` : ''
  const answer = reply.parse(
    await client.sendForJson({ method: 'POST', path: `/v2/user${query}`, body }),
  )
  output.result(answer, () => {
    if (answer.sequence_number === null) output.line('Nothing changes: all of it is stored already')
    else output.line(`${answer.condition}: change ${answer.sequence_number} is in the vault`)
  })
}

async function runStatus(serial: string, options: StatusOptions): Promise<void> {
  const output = createOutput(options)
  const client = await open(options, options.publisher)
  const number = parseCount(serial)
  let found = await getChange(client, number, 0)
  while (options.follow && found.sinks.some(({ state }) => state === 'pending')) {
    const settled = found.sinks.filter(({ state }) => state !== 'pending').length
    output.progress(`${settled} of ${found.sinks.length} sinks have settled`)
    found = await getChange(client, number, WAIT_SECONDS)
  }
  output.result(found, () => showChange(output, found))
  if (found.sinks.some(({ state }) => state === 'failed')) process.exitCode = 3
}

async function getChange(client: ApiClient, serial: number, wait: number): Promise<Change> {
  const path = `/v1/changes/${serial}?wait=${wait}`
  return change.parse(await client.sendForJson({ method: 'GET', path }))
}

function showChange(
  output: Output,
  { serial, condition, changed, publisher, sinks }: Change,
): void {
  output.line(`Change ${serial} by ${publisher}: ${condition} of ${changed.join(', ')}`)
  if (sinks.length === 0) {
    output.line('No sinks are configured: it is in the vault')
    return
  }
  output.table(
    ['sink', 'state', 'attempts', 'last error'],
    sinks.map((sink) => [sink.name, sink.state, String(sink.attempts), sink.error?.code ?? '']),
  )
}

async function readDocument(file: string): Promise<PartialProfile> {
  const text = await readFile(file, 'utf8')
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid_file', `Cannot read "${file}": it is no JSON object`, {
      status: 400,
      cause,
    })
  }
}

// What is null is never signed.
async function sign(
  document: PartialProfile,
  name: PublisherName,
  options: Options,
): Promise<PartialProfile> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const log = createLogger({ level: 'warn', name: 'change', pretty: false })
  const watched = await watchPublishers(config, log)
  const signer = (await watched.current()).findSigner(name, new Date())
  watched.close()
  if (!signer) {
    throw new AppError('no_key', `Cannot sign: PUBLISHERS_FILE has no private key of "${name}"`, {
      status: 400,
    })
  }
  const set = leafPaths.flatMap((path) => {
    const attribute = findAttribute(document, path)
    return attribute && contentOf(attribute) !== null ? [[path, attribute] as const] : []
  })
  const signed = await Promise.all(
    set.map(async ([path, attribute]) => [path, await signAttribute(attribute, signer)] as const),
  )
  return withAttributes(document, new Map(signed))
}

// The local token belongs to the publisher; without one it reads everybody's changes.
async function open(options: Options, publisher: PublisherName | undefined): Promise<ApiClient> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const scope = publisher === undefined ? 'change:read' : 'write'
  if (options.token !== undefined || config.issuers.length > 0) {
    return await openApiClient({ ...options, config, scope })
  }
  const ring = await loadKeyRing(config)
  const claims = { subject: 'cli', scope, publisher, ttlSeconds: TOKEN_SECONDS }
  return await openApiClient({
    ...options,
    config,
    scope,
    token: await signLocalToken(ring, claims),
  })
}

function parsePublisher(text: string): PublisherName {
  const found = publisherNames.find((name) => name === text)
  if (found) return found
  throw new InvalidArgumentError(`It must be one of ${publisherNames.join(', ')}.`)
}
