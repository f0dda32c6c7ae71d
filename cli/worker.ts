import { InvalidArgumentError, type Command } from 'commander'
import { createLogger } from '../config/log.ts'
import { taskQueues } from '../workflows/messages.ts'
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

const QUEUES: readonly string[] = Object.values(taskQueues)

/** Adds `worker`: a worker process alone, as in production. */
export function registerWorkerCommand(program: Command): void {
  const command = program
    .command('worker')
    .description('a worker alone, as in production; needs DATABASE_URL and TEMPORAL_ADDRESS')
    .option('--queues <names>', `task queues, comma-separated (${QUEUES.join(',')})`, parseQueues)
    .option('--metrics-port <port>', 'serve /metrics and /healthz there (nowhere)', parsePort)
    .action(runWorker)
  addJsonOption(addSupervisedOption(addDataDirOption(command)))
}

async function runWorker(options: Options): Promise<void> {
  const { queues = QUEUES, metricsPort } = options
  const config = loadCommandConfig({ DATA_DIR: options.dataDir })
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
  const unknown = names.filter((name) => !QUEUES.includes(name))
  if (unknown.length === 0) return names
  throw new InvalidArgumentError(`There is no queue "${unknown.join('", "')}".`)
}
