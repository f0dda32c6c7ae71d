import { runProgram } from '../../cli/program.ts'

export type CommandRun = {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of `registrar` in this process, with these settings in its environment. */
export async function runCommand(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<CommandRun> {
  const stdout = captureWrites(process.stdout)
  const stderr = captureWrites(process.stderr)
  const before = { ...process.env }
  Object.assign(process.env, settings)
  try {
    const code = await runProgram(['node', 'registrar', ...args])
    return { code, stdout: stdout.read(), stderr: stderr.read() }
  } finally {
    process.env = before
    process.exitCode = undefined
    stdout.restore()
    stderr.restore()
  }
}

type Capture = { readonly read: () => string; readonly restore: () => void }

function captureWrites(stream: NodeJS.WriteStream): Capture {
  let written = ''
  stream.write = (chunk: Uint8Array | string) => {
    written += String(chunk)
    return true
  }
  return {
    read: () => written,
    restore() {
      // The stream's own method stands behind the property that was put before it.
      Reflect.deleteProperty(stream, 'write')
    },
  }
}
