import { createWriteStream } from 'node:fs'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { createDistrict, type District } from '../core/sample/district.ts'
import { drawMutations } from '../core/sample/district-mutations.ts'
import {
  addJsonOption,
  parseCount,
  parsePort,
  parseSeed,
  parseText,
  type JsonOption,
} from './options.ts'
import { createOutput, type Output } from './output.ts'
import { startCleverStandIn } from './sample-district/clever.ts'
import { writeDistrictArchive } from './sample-district/csv-archive.ts'
import { startOneRosterStandIn } from './sample-district/oneroster.ts'
import type { OneRosterVersion } from './sample-district/oneroster-views.ts'
import type { DistrictServer } from './sample-district/server.ts'
import { listenForStop, waitForAbort } from './stop-signal.ts'

type Options = JsonOption & {
  readonly kind: 'clever' | 'oneroster'
  readonly oneroster: OneRosterVersion
  readonly users: number
  readonly seed: number
  readonly port: string
  readonly changeEvery?: number
  readonly csv?: string
}

const DEFAULT_USERS = 1_000
const DEFAULT_SEED = 1
const MAX_USERS = 1_000_000
const CHANGES = 10
/** August, from 0. */
const FIRST_MONTH = 7

/** Adds `sample district`: a made-up school district, served as a school system serves it. */
export function registerSampleDistrictCommand(sample: Command): void {
  const command = sample
    .command('district')
    .description('a school district, served as Clever or OneRoster serves one until Ctrl-C')
    .addOption(
      new Option('--kind <kind>', 'whose API it is served by')
        .choices(['clever', 'oneroster'])
        .default('oneroster'),
    )
    .addOption(
      new Option('--oneroster <version>', 'the version of OneRoster')
        .choices(['1.1', '1.2'])
        .default('1.2'),
    )
    .option('--users <n>', 'how many people it has', parseUsers, DEFAULT_USERS)
    .option('--seed <n>', 'equal seeds give equal districts', parseSeed, DEFAULT_SEED)
    .option('--port <port>', 'where it is served on loopback (any free one)', parsePort, '0')
    .option('--change-every <seconds>', 'people join, leave and move as often as that', parseCount)
    .option('--csv <file>', 'write a OneRoster CSV archive there instead', parseText)
    .action(runSampleDistrict)
  addJsonOption(command)
}

async function runSampleDistrict(options: Options): Promise<void> {
  const output = createOutput(options)
  if (options.csv !== undefined) {
    await writeDistrictArchive(toDistrict(options, 'oneroster'), createWriteStream(options.csv))
    output.result({ file: options.csv }, () => output.line(`Written to ${options.csv}`))
    return
  }
  const stopping = listenForStop()
  const server = await start(options)
  show(output, server)
  const timer =
    options.changeEvery === undefined ? undefined : keepChanging(server, options, output)
  await waitForAbort(stopping)
  clearInterval(timer)
  await server.close()
}

async function start(options: Options): Promise<DistrictServer> {
  const district = toDistrict(options, options.kind)
  const port = Number(options.port)
  if (options.kind === 'clever') return await startCleverStandIn({ district, port })
  return await startOneRosterStandIn({ district, port, version: options.oneroster })
}

function toDistrict({ users, seed }: Options, kind: District['kind']): District {
  // Equal seeds give equal districts within a school year.
  const today = new Date()
  const hasBegun = today.getUTCMonth() >= FIRST_MONTH
  const startsAt = new Date(
    Date.UTC(today.getUTCFullYear() - (hasBegun ? 0 : 1), FIRST_MONTH),
  ).toISOString()
  return createDistrict({ kind, users, seed, startsAt })
}

function show(output: Output, { settings }: DistrictServer): void {
  output.result(settings, () => {
    output.line(`A made-up district is served until Ctrl-C. What a provider says to read it:`)
    output.line(JSON.stringify(settings, null, 2))
    output.line('Registrar calls loopback only with ALLOW_PRIVATE_TARGETS=true.')
  })
}

function keepChanging(
  server: DistrictServer,
  { changeEvery = 1, seed }: Options,
  output: Output,
): NodeJS.Timeout {
  let round = 0
  return setInterval(() => {
    round += 1
    const at = new Date().toISOString()
    const changes = drawMutations(seed + round, { count: CHANGES, at }).flatMap((mutation) =>
      server.mutate({ ...mutation, at }),
    )
    output.progress(`${at} ${changes.length} records changed`)
  }, changeEvery * 1_000)
}

function parseUsers(text: string): number {
  const users = parseCount(text)
  if (users <= MAX_USERS) return users
  throw new InvalidArgumentError(`It must be a whole number up to ${MAX_USERS}.`)
}
