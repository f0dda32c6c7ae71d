import { setTimeout as delay } from 'node:timers/promises'
import type { LeafPath } from '../../core/profile/attributes.ts'
import { createRandom, type Random } from '../../core/sample/random.ts'
import { createSitePerson, type ChangeSite } from './change-site.ts'
import { killPart, parts, type Part } from './kill-part.ts'
import { waitUntil } from './polling.ts'

/** A change that was answered; the serial is null where the first answer was lost. */
export type Answered = {
  readonly userId: string
  readonly path: LeafPath
  readonly number: number
  readonly serial: number | null
}

export type BurstOptions = {
  readonly seed: number
  readonly persons: number
  /** How often each part is killed, in a seeded order. */
  readonly kills: number
}

export type Burst = {
  readonly userIds: readonly string[]
  readonly answered: readonly Answered[]
  readonly killed: readonly Part[]
}

// Both of one person are changed at the same time, each by its own client.
const PATHS: readonly LeafPath[] = ['fun_title', 'location']
const FIRST_CHANGE_AT = Date.parse('2026-01-01T00:00:00.000Z')
const MAX_PAUSE_MS = 60
const MIN_CHANGES_BETWEEN = 5
const CHANGES_BETWEEN = 25

/** The content that change `number` of a path has. */
export function contentOfChange(number: number): string {
  return `content ${number}`
}

/**
 * Changes persons without a rest, two attributes of each side by side, while one part after the
 * other is killed with -9 at seeded points; ends some changes after the last one is back.
 */
export async function runBurst(site: ChangeSite, options: BurstOptions): Promise<Burst> {
  const random = createRandom('burst', options.seed)
  const userIds: string[] = []
  for (let index = 1; index <= options.persons; index += 1) {
    userIds.push(await createSitePerson(site, `person${index}`))
  }
  await site.settle()
  await keepReplicaLog(site)
  const answered: Answered[] = []
  const over = new AbortController()
  const drivers = userIds.flatMap((userId) =>
    PATHS.map(async (path) => {
      const paces = createRandom('pace', options.seed, userId, path)
      await drive(site, { userId, path }, { answered, random: paces, signal: over.signal })
    }),
  )
  try {
    const failing = Promise.all(drivers).then((): Part[] => [])
    const killing = killInTurn(site, { ...options, random, answered })
    const killed = await Promise.race([killing, failing])
    over.abort()
    await Promise.all(drivers)
    await site.settle()
    return { userIds, answered, killed }
  } finally {
    over.abort()
  }
}

// What the table held is told by the database itself.
async function keepReplicaLog({ db }: ChangeSite): Promise<void> {
  await db.query(`
    create table people_log (id bigserial, user_id text, version bigint, profile jsonb);
    create function keep_people_log() returns trigger language plpgsql as $$
    begin
      insert into people_log (user_id, version, profile)
        values (new.user_id, new.version, new.profile);
      return new;
    end $$;
    create trigger people_log after insert or update on people
      for each row execute function keep_people_log()`)
}

type Lane = Pick<Answered, 'userId' | 'path'>
type Driving = {
  readonly answered: Answered[]
  readonly random: Random
  readonly signal: AbortSignal
}

async function drive(
  site: ChangeSite,
  { userId, path }: Lane,
  { answered, random, signal }: Driving,
): Promise<void> {
  for (let number = 1; !signal.aborted; number += 1) {
    const at = new Date(FIRST_CHANGE_AT + number * 1_000).toISOString()
    const content = { [path]: contentOfChange(number) }
    const body = await site.publishers.signAll('mozilliansorg', content, { last_modified: at })
    const answer = await site.submit({ publisher: 'mozilliansorg', userId, body })
    answered.push({ userId, path, number, serial: answer.sequence_number })
    await delay(random.int(MAX_PAUSE_MS))
  }
}

type Killing = BurstOptions & { readonly random: Random; readonly answered: readonly Answered[] }

async function killInTurn(site: ChangeSite, killing: Killing): Promise<Part[]> {
  const { random, answered, kills } = killing
  const order = Array.from({ length: kills }, () => shuffle(parts, random)).flat()
  for (const part of order) {
    await waitForMore(answered, MIN_CHANGES_BETWEEN + random.int(CHANGES_BETWEEN))
    await killPart(site, part)
  }
  await waitForMore(answered, MIN_CHANGES_BETWEEN)
  return order
}

async function waitForMore(answered: readonly Answered[], more: number): Promise<void> {
  const target = answered.length + more
  await waitUntil(
    'more changes are answered',
    async () => await Promise.resolve(answered.length >= target),
  )
}

function shuffle<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
