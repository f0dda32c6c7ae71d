import type { Command } from 'commander'
import { createLogger } from '../config/log.ts'
import { assertIssuer } from './local-issuer.ts'
import {
  addDataDirOption,
  addJsonOption,
  addSupervisedOption,
  loadCommandConfig,
  parsePort,
  type DataDirOption,
  type JsonOption,
} from './options.ts'
import { createOutput } from './output.ts'
import { runService } from './service.ts'

type Options = DataDirOption & JsonOption & { readonly port?: string }

/** Adds `api`: the HTTP API alone, as in production. */
export function registerApiCommand(program: Command): void {
  const command = program
    .command('api')
    .description('the HTTP API alone, as in production; needs DATABASE_URL and TEMPORAL_ADDRESS')
    .option('--port <port>', 'where to listen (PORT, 8080)', parsePort)
    .action(runApi)
  addJsonOption(addSupervisedOption(addDataDirOption(command)))
}

async function runApi(options: Options): Promise<void> {
  const config = loadCommandConfig({ PORT: options.port, DATA_DIR: options.dataDir })
  assertIssuer(config)
  const log = createLogger({ level: config.log.level, name: 'api', pretty: process.stderr.isTTY })
  const { startApi } = await import('../api/server.ts')
  await runService({
    log,
    start: async () => await startApi({ config, log }),
    onReady: ({ port }) => createOutput(options).result({ pid: process.pid, port }, () => {}),
  })
}
