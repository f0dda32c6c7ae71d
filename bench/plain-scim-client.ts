import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'

export type Pushed = { readonly url: string; readonly token: string }

/**
 * Posts each body to `<url>/Users` over kept connections, so many at once, and answers the new ids:
 * what a client does at least.
 */
export async function pushPlainly(
  bodies: readonly object[],
  { url, token, concurrency }: Pushed & { readonly concurrency: number },
): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const ids: string[] = []
  const rest = bodies.values()
  const work = async (): Promise<void> => {
    for (const body of rest) ids.push(await post(body, { url, token, agent }))
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, work))
    return ids
  } finally {
    agent.destroy()
  }
}

async function post(
  body: object,
  { url, token, agent }: Pushed & { readonly agent: Agent },
): Promise<string> {
  const content = JSON.stringify(body)
  const answered = await new Promise<string>((resolve, reject) => {
    const sent = request(`${url}/Users`, {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/scim+json',
        'content-length': Buffer.byteLength(content),
      },
    })
    sent.on('error', reject)
    sent.on('response', (answer) => void text(answer).then(resolve, reject))
    sent.end(content)
  })
  const { id } = JSON.parse(answered) as { id: string } // the stand-in's own form
  return id
}
