/** One server-sent event. */
export type ServerEvent = { readonly id: string; readonly data: string }

/** The events of a stream as they come; comments and retry times are left out. */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder()
  let buffered = ''
  for await (const part of response.body ?? []) {
    buffered += decoder.decode(part as Uint8Array, { stream: true }) // fetch gives bytes
    const blocks = buffered.split('\n\n')
    buffered = blocks.pop() ?? ''
    for (const block of blocks) {
      const id = /^id: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (id !== undefined && data !== undefined) yield { id, data }
    }
  }
}
