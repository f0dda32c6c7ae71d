import { open, readFile, rename } from 'node:fs/promises'

export type ServerLog = {
  /** For the server's stdout and stderr. */
  readonly fd: number
  /** Closes our side; the server keeps its own. */
  readonly close: () => Promise<void>
  /** The last lines, for the message of a failed start. */
  readonly readEnd: () => Promise<string>
}

const END_LINES = 5

/** Opens a fresh log file for a server; the one of its last start is kept as `<file>.1`. */
export async function openServerLog(file: string): Promise<ServerLog> {
  await rename(file, `${file}.1`).catch(() => {})
  const handle = await open(file, 'w', 0o600)
  return {
    fd: handle.fd,
    close: async () => await handle.close(),
    async readEnd() {
      const lines = (await readFile(file, 'utf8')).trim().split('\n')
      return lines.slice(-END_LINES).join('\n')
    },
  }
}
