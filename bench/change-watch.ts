import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

/** The state of a change at each sink, by the sink's name. */
export type SinkStates = ReadonlyMap<string, string>

/** Follows changes to the sinks; what it costs does not depend on how many are followed. */
export type ChangeWatch = {
  /** Resolves once every sink but the one that is down has settled. */
  readonly settle: (serial: number, down: string | undefined) => Promise<SinkStates>
  readonly close: () => Promise<void>
}

type Waiting = { readonly down: string | undefined; readonly resolve: (states: SinkStates) => void }
type Row = { readonly serial: string; readonly states: Readonly<Record<string, string>> }

const LOOK_EVERY_MS = 20

/** Opens a watch on the vault's own tables: a caller of the API for each change would be load of its own. */
export async function openChangeWatch(databaseUrl: string): Promise<ChangeWatch> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const waiting = new Map<number, Waiting>()
  const closing = new AbortController()
  const looking = look(client, waiting, closing.signal)
  return {
    async settle(serial, down) {
      const settled = new Promise<SinkStates>((resolve) => waiting.set(serial, { down, resolve }))
      // Before it is closed, the watch ends only when it fails.
      return await Promise.race([settled, looking.then(async () => await settled)])
    },
    async close() {
      closing.abort()
      await looking
      await client.end()
    },
  }
}

async function look(
  client: pg.Client,
  waiting: Map<number, Waiting>,
  closing: AbortSignal,
): Promise<void> {
  while (!closing.aborted) {
    await delay(LOOK_EVERY_MS)
    if (waiting.size === 0) continue
    const { rows } = await client.query<Row>({
      name: 'watch-changes',
      text: `select c.serial::text, jsonb_object_agg(s.sink, coalesce(d.state, 'pending')) as states
               from profile_changes c
               cross join unnest(c.sinks) as s (sink)
               left join change_deliveries d on d.serial = c.serial and d.sink = s.sink
              where c.serial = any ($1::bigint[])
              group by c.serial`,
      values: [[...waiting.keys()]],
    })
    for (const { serial, states } of rows) resolveSettled(waiting, Number(serial), states)
  }
}

function resolveSettled(
  waiting: Map<number, Waiting>,
  serial: number,
  states: Row['states'],
): void {
  const change = waiting.get(serial)
  const open = Object.entries(states).filter(([, state]) => state === 'pending')
  if (!change || open.some(([sink]) => sink !== change.down)) return
  waiting.delete(serial)
  change.resolve(new Map(Object.entries(states)))
}
