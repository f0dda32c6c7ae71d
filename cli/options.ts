import { readUrl } from '../core/url.ts'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { loadConfig, type Config } from '../config/config.ts'
import { readEnv, type Env } from '../config/env.ts'

export type JsonOption = { readonly json?: boolean }
export type DataDirOption = { readonly dataDir?: string }
/** Of every command that speaks HTTP. */
export type RemoteOptions = DataDirOption &
  JsonOption & { readonly api?: string; readonly token?: string }

const MAX_PORT = 65_535
const SECONDS_BY_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** Adds `--json`. */
export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout; the rest goes to stderr')
}

/** Adds `--data-dir`. */
export function addDataDirOption(command: Command): Command {
  return command.option('--data-dir <directory>', 'where data is kept (DATA_DIR, .data)', parseText)
}

/** Adds `--data-dir`, `--json`, `--api` and `--token`: what every command that speaks HTTP has. */
export function addRemoteOptions(command: Command): Command {
  return addJsonOption(addDataDirOption(command))
    .option(
      '--api <url>',
      'the API to talk to (REGISTRAR_API, else the one that runs here)',
      parseUrl,
    )
    .option(
      '--token <token>',
      'an access token (REGISTRAR_TOKEN, else one of the local issuer)',
      parseText,
    )
}

/** Adds the hidden mark by which a later `up` knows processes of this data directory. */
export function addSupervisedOption(command: Command): Command {
  return command.addOption(new Option('--supervised <directory>').hideHelp())
}

/** The settings, with the flags of the command line over the environment. */
export function loadCommandConfig(overrides: Env = {}): Config {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined)
  return loadConfig({ ...readEnv(), ...Object.fromEntries(given) })
}

/** A TCP port; 0 means any free one. */
export function parsePort(text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT) return text
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_PORT}.`)
}

/** A duration such as `90s`, `15m`, `1h` or `7d`, in seconds. */
export function parseDurationSeconds(text: string): number {
  const [, digits, unit = 's'] = /^([1-9]\d{0,8})([smhd])?$/.exec(text) ?? []
  const factor = SECONDS_BY_UNIT[unit]
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor
  throw new InvalidArgumentError('It must be a duration such as 90s, 15m, 1h or 7d.')
}

/** A whole number that is at least 1. */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

/** A whole number from 0, of which a sample is made. */
export function parseSeed(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0.')
}

/** A point in time as in RFC 3339. */
export function parseTime(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text)))
    return text
  throw new InvalidArgumentError('It must be a time such as 2030-01-31T18:00:00Z.')
}

// An http or https URL.
function parseUrl(text: string): string {
  if (/^https?:$/.test(readUrl(text)?.protocol ?? '')) return text
  throw new InvalidArgumentError('It must be an http or https URL.')
}

/** Text that is not empty. */
export function parseText(text: string): string {
  if (text.trim() !== '') return text
  throw new InvalidArgumentError('It must not be empty.')
}
