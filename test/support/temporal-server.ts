import { once } from 'node:events'
import { startEmbeddedTemporal, type EmbeddedTemporal } from '../../cli/embedded/temporal.ts'
import { resolveTemporalCli } from '../../cli/embedded/temporal-resolver.ts'

export type TestTemporalServer = EmbeddedTemporal & {
  /** SIGKILL, as a crash would; the directory keeps what was committed. */
  readonly kill: () => Promise<void>
}

export type TestTemporalServerOptions = {
  readonly directory: string
  readonly port?: number
}

/** Starts the embedded server as the product does, without a UI; resolves when it answers. */
export async function startTestTemporalServer(
  options: TestTemporalServerOptions,
): Promise<TestTemporalServer> {
  const { path: binary } = await resolveTemporalCli({
    cliPath: process.env['TEMPORAL_CLI_PATH'],
    report: (line) => process.stderr.write(`${line}\n`),
  })
  const server = await startEmbeddedTemporal({ ...options, binary, namespace: 'default' })
  return {
    ...server,
    async kill() {
      const exited = once(server.process, 'exit')
      server.process.kill('SIGKILL')
      await exited
    },
  }
}
