import { z } from 'zod'
import type { ApiClient } from './client.ts'

const reply = z.object({
  sequence_number: z.number().nullable(),
  status_code: z.number(),
  condition: z.string(),
})

const changeView = z.object({
  serial: z.number(),
  publisher: z.string(),
  condition: z.string(),
  changed: z.array(z.string()),
  tags: z.array(z.object({ tag: z.string(), at: z.string() })),
  sinks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['pending', 'succeeded', 'failed', 'superseded']),
      attempts: z.number(),
      at: z.string().optional(),
      error: z.object({ code: z.string() }).optional(),
    }),
  ),
})

/** What the API answers to a change; the number is null when nothing changes. */
export type ChangeReply = z.output<typeof reply>

/** A change as the API shows it. */
export type ChangeView = z.output<typeof changeView>

/** Sends a signed profile, whole or partial, of the person whom it names or who is named here. */
export async function submitChange(
  client: ApiClient,
  body: unknown,
  userId?: string,
): Promise<ChangeReply> {
  const query = userId === undefined ? '' : `?user_id=${encodeURIComponent(userId)}`
  return reply.parse(await client.sendForJson({ method: 'POST', path: `/v2/user${query}`, body }))
}

/** The change as it is now, or once every sink has settled, after so many seconds at the latest. */
export async function readChange(
  client: ApiClient,
  serial: number,
  waitSeconds = 0,
): Promise<ChangeView> {
  const path = `/v1/changes/${serial}?wait=${waitSeconds}`
  return changeView.parse(await client.sendForJson({ method: 'GET', path }))
}
