import { isSameJson } from '../../core/profile/change.ts'
import { findAttribute, type Profile } from '../../core/profile/document.ts'
import type { Database } from '../../db/client.ts'
import { contentOfChange, type Answered, type Burst } from './change-burst.ts'
import type { ChangeSite } from './change-site.ts'

type Person = { readonly userId: string; readonly serial: number; readonly profile: Profile }
type Seen = { readonly serial: number; readonly profile: Profile }

/**
 * What is wrong after a burst: answered changes that are not in the vault, gaps in a history, changes
 * that did not reach a sink, and sinks that are behind or went back. Empty when all is well.
 */
export async function listFaults(site: ChangeSite, burst: Burst): Promise<string[]> {
  const persons = await listPersons(site.db)
  const faults = [
    ...(await listLost(site.db, burst.answered)),
    ...(await listGaps(site.db)),
    ...(await listUndelivered(site.db)),
  ]
  for (const userId of burst.userIds) {
    const person = persons.find((one) => one.userId === userId)
    if (!person) {
      faults.push(`${userId} is not in the vault`)
      continue
    }
    faults.push(...listWrongContents(person, burst.answered))
    const logs = {
      replica: await readReplicaLog(site.db, userId),
      login: readLoginLog(site, userId),
    }
    for (const [sink, log] of Object.entries(logs)) {
      faults.push(...listWrongLog(person, log).map((fault) => `${sink}: ${userId} ${fault}`))
    }
  }
  return faults
}

async function listPersons(db: Database): Promise<Person[]> {
  const { rows } = await db.query<Person>(
    `select user_id as "userId", serial, document as profile from profiles`,
  )
  return rows
}

async function listLost(db: Database, answered: readonly Answered[]): Promise<string[]> {
  const { rows } = await db.query<{ serial: number; userId: string; changed: string[] }>(
    `select c.serial, p.user_id as "userId", c.changed
       from profile_changes c join profiles p on p.id = c.profile_id`,
  )
  const bySerial = new Map(rows.map((row) => [row.serial, row]))
  const isThere = ({ serial, userId, path }: Answered): boolean => {
    const change = serial === null ? undefined : bySerial.get(serial)
    return change?.userId === userId && change.changed.includes(path)
  }
  const lost = answered.filter((one) => one.serial !== null && !isThere(one))
  return lost.map(({ serial }) => `change ${serial} was answered and is not in the vault`)
}

async function listGaps(db: Database): Promise<string[]> {
  const { rows } = await db.query<{ serial: number }>(
    `select serial from (
       select serial, version, before_hash,
         lag(version) over person as before_version, lag(after_hash) over person as hash_before
       from profile_changes
       window person as (partition by profile_id order by serial)) as history
     where version <> coalesce(before_version, 0) + 1
        or before_hash is distinct from hash_before`,
  )
  return rows.map(({ serial }) => `change ${serial} does not follow the one before it`)
}

async function listUndelivered(db: Database): Promise<string[]> {
  const { rows } = await db.query<{ serial: number; sink: string; state: string }>(
    `select c.serial, s.sink, coalesce(d.state, 'pending') as state
       from profile_changes c
       join profiles p on p.id = c.profile_id
       cross join unnest(c.sinks) as s(sink)
       left join change_deliveries d on d.serial = c.serial and d.sink = s.sink
      where coalesce(d.state, 'pending') not in ('succeeded', 'superseded')
         or c.serial = p.serial and d.state <> 'succeeded'`,
  )
  return rows.map(({ serial, sink, state }) => `change ${serial} is ${state} at ${sink}`)
}

function listWrongContents({ userId, profile }: Person, answered: readonly Answered[]): string[] {
  const last = new Map(
    answered.filter((one) => one.userId === userId).map(({ path, number }) => [path, number]),
  )
  return [...last]
    .filter(([path, number]) => findAttribute(profile, path)?.value !== contentOfChange(number))
    .map(([path, number]) => `${userId} does not have change ${number} of ${path}`)
}

async function readReplicaLog(db: Database, userId: string): Promise<Seen[]> {
  const { rows } = await db.query<Seen>(
    `select version as serial, profile from people_log where user_id = $1 order by id`,
    [userId],
  )
  return rows
}

function readLoginLog(site: ChangeSite, userId: string): Seen[] {
  return site.auth0.writes
    .filter((write) => write.userId === userId)
    .map(({ body }) => {
      const own = body['user_metadata'] as { profile: Profile } // as the sink writes them
      const app = body['app_metadata'] as { serial: number }
      return { serial: app.serial, profile: own.profile }
    })
}

function listWrongLog(person: Person, log: readonly Seen[]): string[] {
  const faults = log.flatMap(({ serial }, index) => {
    const before = log[index - 1]?.serial ?? 0
    return serial < before ? [`went back from ${before} to ${serial}`] : []
  })
  const last = log.at(-1)
  if (last?.serial !== person.serial) faults.push(`is at ${last?.serial}, not at ${person.serial}`)
  if (!isSameJson(last?.profile, person.profile)) faults.push('has another profile')
  return faults
}
