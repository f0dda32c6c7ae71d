import { z } from 'zod'
import type { ChangeEvent, ChangeSink } from '../../db/profile/changes.ts'

export const changeSchema = z.object({
  serial: z.int(),
  publisher: z.string(),
  condition: z.enum(['create', 'update', 'delete']),
  changed: z.array(z.string()).describe('Dotted names; `*` for a deletion'),
  tags: z.array(z.object({ tag: z.string(), at: z.iso.datetime() })),
  sinks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['pending', 'succeeded', 'failed', 'superseded']),
      attempts: z.int(),
      at: z.iso.datetime().optional().describe('When it last got further: settled, or tried'),
      error: z.object({ code: z.string() }).optional(),
    }),
  ),
})

export const changeExample = {
  serial: 4711,
  publisher: 'ldap',
  condition: 'update',
  changed: ['first_name', 'access_information.ldap'],
  tags: [
    { tag: 'received', at: '2026-01-02T03:04:05.600Z' },
    { tag: 'validated', at: '2026-01-02T03:04:05.678Z' },
    { tag: 'vault', at: '2026-01-02T03:04:05.678Z' },
  ],
  sinks: [
    { name: 'directory', state: 'succeeded', attempts: 1, at: '2026-01-02T03:04:05.790Z' },
    {
      name: 'auth0',
      state: 'pending',
      attempts: 2,
      at: '2026-01-02T03:04:07.012Z',
      error: { code: 'rate_limited' },
    },
  ],
}

/** A change as its publisher follows it: when it got how far, and what each sink says. */
export function presentChange(event: ChangeEvent): z.output<typeof changeSchema> {
  const { serial, publisher, condition, changed, receivedAt, committedAt } = event
  const committed = committedAt.toISOString()
  return {
    serial,
    publisher,
    condition,
    changed: [...changed],
    tags: [
      { tag: 'received', at: receivedAt.toISOString() },
      { tag: 'validated', at: committed },
      { tag: 'vault', at: committed },
    ],
    sinks: event.sinks.map(presentSink),
  }
}

function presentSink(sink: ChangeSink): z.output<typeof changeSchema>['sinks'][number] {
  const { name, state, attempts, errorCode, at } = sink
  return {
    name,
    state,
    attempts,
    ...(at === null ? {} : { at: new Date(at).toISOString() }),
    ...(errorCode === null ? {} : { error: { code: errorCode } }),
  }
}
