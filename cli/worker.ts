import { InvalidArgumentError, type Command } from 'commander'
import { createLogger } from '../config/log.ts'
import { isQueueName, listQueues, selectQueues } from '../workers/queues.ts'
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

type Options = DataDirOption &
  JsonOption & { readonly queues?: readonly string[]; readonly metricsPort?: string }

/** Adds `worker`: a worker process alone, as in production. */
export function registerWorkerCommand(program: Command): void {
  const command = program
    .command('worker')
    .description('a worker alone, as in production; needs DATABASE_URL and TEMPORAL_ADDRESS')
    .option(
      '--queues <names>',
      'task queues, comma-separated: registrar, ingest, sink-webhook, sink:NAME, or sink-ldap, ' +
        'sink-auth0, sink-sql for every sink of a kind (all)',
      parseQueues,
    )
    .option('--metrics-port <port>', 'serve /metrics and /healthz there (nowhere)', parsePort)
    .action(runWorker)
  addJsonOption(addSupervisedOption(addDataDirOption(command)))
}

async function runWorker(options: Options): Promise<void> {
  const { queues: names, metricsPort } = options
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
  const queues = names ? selectQueues(names, config.sinks) : listQueues(config.sinks)
  const log = createLogger({
    level: config.log.level,
    name: 'worker',
    pretty: process.stderr.isTTY,
  })
  const metrics = metricsPort && { host: config.http.host, port: Number(metricsPort) }
  const { startWorker } = await import('../workers/main.ts')
  await runService({
    log,
    start: async () => await startWorker({ config, log, queues, ...(metrics && { metrics }) }),
    onReady: () => createOutput(options).result({ pid: process.pid, queues }, () => {}),
  })
}

function parseQueues(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !isQueueName(name))
  if (unknown.length === 0) return names
  throw new InvalidArgumentError(`There is no queue "${unknown.join('", "')}".`)
}
