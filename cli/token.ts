import { Option, type Command } from 'commander'
import { loadKeyRing } from '../config/key-ring-file.ts'
import { AppError } from '../core/errors.ts'
import { signLocalToken } from '../crypto/token.ts'
import { assertIssuer } from './local-issuer.ts'
import {
  addDataDirOption,
  addJsonOption,
  loadCommandConfig,
  parseDurationSeconds,
  parseText,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'

type Options = DataDirOption &
  JsonOption & {
    readonly subject: string
    readonly scope?: string
    readonly tenant?: string
    readonly publisher?: string
    readonly ttl: number
  }

const HOUR_SECONDS = 3_600

/** Adds `token`: prints an access token of the local issuer. */
export function registerTokenCommand(program: Command): void {
  const command = program
    .command('token')
    .description('prints an access token of the local issuer (embedded default only)')
    .requiredOption('--subject <subject>', 'whom it stands for', parseText)
    .option('--scope <scopes>', 'scopes, separated by spaces')
    .option('--tenant <tenant>', 'the tenant claim', parseText)
    .option('--publisher <publisher>', 'the publisher claim', parseText)
    .addOption(
      new Option('--ttl <duration>', 'how long it lasts: 90s, 15m, 1h, 7d')
        .argParser(parseDurationSeconds)
        .default(HOUR_SECONDS, '1h'),
    )
    .action(runToken)
  addJsonOption(addDataDirOption(command))
}

async function runToken(options: Options): Promise<void> {
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  assertIssuer(config)
  if (config.issuers.length > 0) {
    throw new AppError(
      'local_issuer_off',
      'Cannot issue a token: AUTH_ISSUERS is set, so the local issuer is off; get a token from one of those issuers',
      { status: 500, expose: true },
    )
  }
  const { subject, scope, tenant, publisher, ttl } = options
  const ring = await loadKeyRing(config)
  const token = await signLocalToken(ring, { subject, scope, tenant, publisher, ttlSeconds: ttl })
  const output = createOutput(options)
  output.result({ token, expiresInSeconds: ttl }, () => output.line(token))
}
