import { connect, type Socket } from 'node:net'

export type RawAnswer = {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly elapsedMs: number
}

/** Sends bytes as they are on a connection of its own and reads until the server closes it. */
export async function sendRaw(
  port: number,
  parts: readonly string[],
  options: { readonly onConnect?: (socket: Socket) => void } = {},
): Promise<RawAnswer> {
  const started = performance.now()
  const text = await new Promise<string>((resolve) => {
    const received: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part)
      options.onConnect?.(socket)
    })
    socket.on('data', (part: Buffer) => received.push(part))
    // A reset is one way to close.
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(received).toString()))
  })
  return { ...parseAnswer(text), elapsedMs: performance.now() - started }
}

function parseAnswer(text: string): Omit<RawAnswer, 'elapsedMs'> {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return {
    status: status === undefined ? undefined : Number(status),
    headers: Object.fromEntries(headers),
    body: rest.join('\r\n\r\n'),
  }
}
