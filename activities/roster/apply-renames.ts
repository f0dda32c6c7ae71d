import { groupRenames, orderRenames } from '../../core/roster/renames.ts'
import type { PersonOrder } from '../../core/roster/target.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { listPendingPeople } from '../../db/roster/apply.ts'
import {
  listParkedAccounts,
  listTangledRenames,
  parkNames,
  type ParkedAccount,
  type PendingRename,
} from '../../db/roster/renames.ts'
import { saveAccounts, type SettledPerson } from '../../db/roster/verdicts.ts'
import { auditPerson, writePending } from './apply-people.ts'
import { pageOf, type Applying } from './applying.ts'

const RENAMES_AT_ONCE = 1_000

type Update = Extract<PersonOrder, { readonly op: 'update' }>

/**
 * Does the next renames that stand in each other's way, groups of them from beginning to end, so that
 * neither a pause nor the end of a slice leaves somebody with a temporary name. Answers the first
 * change of the last group, undefined where there is none left.
 */
export async function applyRenames(applying: Applying): Promise<number | undefined> {
  const { db, provider, after } = applying
  // A run that was broken off may have noted temporary names without having told the target.
  if (after === 0) await forParked(applying, async (parked) => await writeParked(applying, parked))
  const tangled = await listTangledRenames(db, pageOf(applying, RENAMES_AT_ONCE))
  const next = takeGroups(groupRenames(tangled), after)
  if (next.length === 0) return undefined
  const renames = next.flat()
  const changes = new Map(renames.map(({ id, change }) => [id, change]))
  const { parked, rounds } = orderRenames(renames)
  for (const ids of toChunks(parked)) {
    await writeParked(applying, await parkNames(db, provider.id, ids))
  }
  for (const ids of rounds.flatMap((round) => toChunks(round))) {
    await writeRound(
      applying,
      ids.flatMap((id) => changes.get(id) ?? []),
    )
  }
  return next.at(-1)?.[0]?.change
}

/** Gives those the names that they had who did not get another one: it was refused, or is still taken. */
export async function giveNamesBack(applying: Applying): Promise<undefined> {
  await forParked(applying, async (parked) => {
    const orders = parked.map((account) => toUpdate(account, 'back'))
    await write(applying, orders, () => true)
  })
}

function takeGroups(groups: readonly PendingRename[][], after: number): PendingRename[][] {
  const left = groups.filter(([first]) => first !== undefined && first.change > after)
  let size = 0
  const end = left.findIndex((group) => {
    size += group.length
    return size >= RENAMES_AT_ONCE
  })
  return end === -1 ? left : left.slice(0, end + 1)
}

async function writeRound(applying: Applying, changes: readonly number[]): Promise<void> {
  const page = { ...pageOf(applying, RENAMES_AT_ONCE), after: 0, changes }
  const pending = await listPendingPeople(applying.db, { ...page, op: 'update' })
  // A name that is still taken is tried again with all others.
  await writePending(applying, pending, { op: 'update', isFinal: false })
}

async function writeParked(applying: Applying, parked: readonly ParkedAccount[]): Promise<void> {
  const orders = parked.map((account) => toUpdate(account, 'away'))
  // What became of it is noted before, but for an account that had to be made anew.
  await write(applying, orders, (order, scimId) => scimId !== order.scimId)
}

function toUpdate({ id, scimId, person, parkedFrom }: ParkedAccount, way: 'away' | 'back'): Update {
  const named = { ...person, userName: parkedFrom }
  const [before, after] = way === 'away' ? [named, person] : [person, named]
  return { op: 'update', id, scimId, before, after }
}

// What is refused stays as it is noted, and its own change fails or follows later.
async function write(
  applying: Applying,
  orders: readonly Update[],
  isToSave: (order: Update, scimId: string) => boolean,
): Promise<void> {
  const { db, target, signal, provider } = applying
  if (orders.length === 0) return
  const byId = new Map(orders.map((order) => [order.id, order]))
  await target.writePeople(orders, {
    signal,
    onVerdicts: async (verdicts) => {
      const done: Update[] = []
      const settled: SettledPerson[] = []
      for (const verdict of verdicts) {
        const order = byId.get(verdict.id)
        if (!order || verdict.outcome === 'failed') continue
        const { id, after: person } = order
        done.push(order)
        if (isToSave(order, verdict.scimId)) settled.push({ id, scimId: verdict.scimId, person })
      }
      await withTransaction(db, async (tx) => {
        await saveAccounts(tx, provider.id, settled)
        await appendAudit(
          tx,
          done.map((order) => auditPerson(applying, order)),
        )
      })
    },
  })
}

async function forParked(
  { db, provider }: Applying,
  work: (parked: readonly ParkedAccount[]) => Promise<void>,
): Promise<void> {
  for (let after: string | null = null; ;) {
    const parked = await listParkedAccounts(db, provider.id, { after, limit: RENAMES_AT_ONCE })
    const last = parked.at(-1)
    if (!last) return
    await work(parked)
    after = last.id
  }
}

function toChunks(ids: readonly string[]): (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / RENAMES_AT_ONCE) }, (_, index) =>
    ids.slice(index * RENAMES_AT_ONCE, (index + 1) * RENAMES_AT_ONCE),
  )
}
