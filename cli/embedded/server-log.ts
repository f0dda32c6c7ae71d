import { open, readFile, rename } from 'node:fs/promises'

export type ServerLog = {
  /** For the server's stdout and stderr. */
  readonly fd: number
  /** Closes our side; the server keeps its own. */
  readonly close: () => Promise<void>
  /** What it said first and last, for the message of a failed start; a stack between is left out. */
  readonly readTelling: () => Promise<string>
}

const FIRST_LINES = 3
const LAST_LINES = 5
const LINE_LENGTH = 400

/** Opens a fresh log file for a server; the one of its last start is kept as `<file>.1`. */
export async function openServerLog(file: string): Promise<ServerLog> {
  await rename(file, `${file}.1`).catch(() => {})
  const handle = await open(file, 'w', 0o600)
  return {
    fd: handle.fd,
    close: async () => await handle.close(),
    async readTelling() {
      const lines = (await readFile(file, 'utf8')).trim().split('\n')
      const short = lines.map((line) => line.slice(0, LINE_LENGTH))
      if (short.length <= FIRST_LINES + LAST_LINES) return short.join('\n')
      return [...short.slice(0, FIRST_LINES), '…', ...short.slice(-LAST_LINES)].join('\n')
    },
  }
}
