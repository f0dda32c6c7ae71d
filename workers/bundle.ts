import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker'
import { AppError } from '../core/errors.ts'
import { failureConverterPath, payloadConverterPath } from '../crypto/data-converter.ts'

export type BundleOptions = {
  /** The module that exports the workflows; the product's own unless said. */
  readonly workflowsPath?: string
}

/** Code that a run loads into its sandbox; more than this means that something heavy slipped in. */
export const bundleBudgetBytes = 1_500_000

const INTERCEPTORS = ['interceptors', 'tracing']
const EXTENSION = extname(import.meta.url)

/** Where the build leaves the bundle. */
export const builtBundlePath = toPath('../workflow-bundle.js')

/** Bundles the workflows; refuses modules that reach outside of the sandbox and a bundle over its budget. */
export async function buildWorkflowBundle(options: BundleOptions = {}): Promise<string> {
  const code = await bundle(options.workflowsPath ?? toPath(`../workflows/index${EXTENSION}`))
  const size = Buffer.byteLength(code)
  if (size > bundleBudgetBytes) {
    throw new AppError(
      'bundle_too_large',
      `Cannot take a workflow bundle of ${size} bytes (at most ${bundleBudgetBytes}): see what the workflows import`,
      { status: 500 },
    )
  }
  return code
}

async function bundle(workflowsPath: string): Promise<string> {
  const said: string[] = []
  try {
    const { code } = await bundleWorkflowCode({
      workflowsPath,
      workflowInterceptorModules: INTERCEPTORS.map((name) =>
        toPath(`../workflows/${name}${EXTENSION}`),
      ),
      payloadConverterPath,
      failureConverterPath,
      // Every worker and its thread hold the bundle: names and lines are enough of the sources.
      webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-source-map' }),
      logger: new DefaultLogger('ERROR', (entry) => said.push(entry.message)),
    })
    return toAscii(code)
  } catch (cause) {
    const reason = [cause instanceof Error ? cause.message : '', ...said].join('\n')
    throw new AppError(
      'bundle_failed',
      `Cannot bundle "${workflowsPath}": a workflow may import only core, workflows and @temporalio/workflow\n${reason}`,
      { status: 500, cause },
    )
  }
}

// One character beyond Latin 1, be it in a comment, and V8 keeps all of the text at two bytes each.
function toAscii(code: string): string {
  return code.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function toPath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

// `npm run build`: the compiler leaves the CommonJS modules and the bundle to this step.
async function main(): Promise<void> {
  for (const path of [payloadConverterPath, failureConverterPath]) {
    await mkdir(dirname(path), { recursive: true })
    await copyFile(toPath(`../../crypto/${basename(path)}`), path)
  }
  await writeFile(builtBundlePath, await buildWorkflowBundle())
}

// A rejection ends the build with its stack; top-level await would bar this module from `require`.
if (process.argv[1] === fileURLToPath(import.meta.url)) void main()
