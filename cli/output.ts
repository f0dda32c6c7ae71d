import Table from 'cli-table3'

/** Where a command's words go: its result on stdout, what happens meanwhile on stderr. */
export type Output = {
  readonly json: boolean
  /** A line for people: on stdout, or on stderr with `--json`. */
  readonly line: (text: string) => void
  /** What goes on meanwhile, always on stderr. */
  readonly progress: (text: string) => void
  /** A table for people. */
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => void
  /** The command's one document: printed on stdout with `--json`, else shown by `show`. */
  readonly result: (document: unknown, show: () => void) => void
}

/** Makes a command's output; with `json`, stdout carries one JSON document and nothing else. */
export function createOutput(options: { readonly json?: boolean | undefined }): Output {
  const json = options.json ?? false
  const line = (text: string): void => write(json ? process.stderr : process.stdout, text)
  return {
    json,
    line,
    progress: (text) => write(process.stderr, text),
    table: (head, rows) => line(formatTable(head, rows)),
    result(document, show) {
      if (json) write(process.stdout, JSON.stringify(document, null, 2))
      else show()
    },
  }
}

// A table with a line below its head, without colours where nobody sees them.
function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const colours = process.stdout.isTTY ? { head: ['bold'] } : { head: [], border: [] }
  const table = new Table({ head: [...head], style: { ...colours, compact: true } })
  for (const row of rows) table.push([...row])
  return table.toString()
}

function write(stream: NodeJS.WriteStream, text: string): void {
  stream.write(`${text}\n`)
}
