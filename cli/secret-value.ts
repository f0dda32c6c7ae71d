import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/**
 * Reads a secret: all of standard input but a line break at its end, or on a terminal one line that is
 * asked for and not shown; empty when the question is left with Ctrl-C or Ctrl-D.
 */
export async function readSecretValue(question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '')
  process.stderr.write(question)
  // What is typed is echoed by the interface, here to nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    const left = once(lines, 'close').then(() => '')
    // Once it is left, releases of Node.js reject the question or never answer it.
    const answered = lines.question('').catch(() => '')
    return await Promise.race([answered, left])
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
