import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { createWebhookSecret } from '../../../crypto/webhook-signature.ts'
import { startLocalServer } from './http-server.ts'

const event = z.object({
  operation: z.string(),
  id: z.string(),
  serial: z.number(),
  changed: z.array(z.string()),
})

/** What a message says of a person. */
export type ReceivedEvent = z.output<typeof event>

/** Somebody who wants to be told of persons. */
export type DemoReceiver = {
  readonly url: string
  readonly secret: string
  /** What has arrived of a person with a signature that holds, in the order of arrival. */
  readonly listEvents: (userId: string) => readonly ReceivedEvent[]
  /** How many messages were refused because their signature did not hold. */
  readonly countForged: () => number
  readonly close: () => Promise<void>
}

/** Starts a receiver that verifies signatures with the library of Standard Webhooks. */
export async function startDemoReceiver(): Promise<DemoReceiver> {
  const secret = createWebhookSecret()
  const webhook = new Webhook(secret)
  const events: ReceivedEvent[] = []
  let forged = 0
  const receive = async (request: IncomingMessage): Promise<number> => {
    const body = await text(request)
    try {
      webhook.verify(body, toHeaders(request))
    } catch {
      forged += 1
      return 401
    }
    events.push(event.parse(JSON.parse(body)))
    return 204
  }
  const server = await startLocalServer((request, response) => {
    void receive(request)
      .catch(() => 400)
      .then((status) => response.writeHead(status).end())
  })
  return {
    url: server.url,
    secret,
    listEvents: (userId) => events.filter(({ id }) => id === userId),
    countForged: () => forged,
    close: server.close,
  }
}

function toHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
