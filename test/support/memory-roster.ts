import { AppError } from '../../core/errors.ts'
import { rosterCollections, type RosterEntry, type RosterFault } from '../../core/roster/record.ts'
import type { RosterPageRequest, RosterPage, RosterSource } from '../../core/roster/source.ts'
import type {
  GroupOrder,
  MembersOrder,
  PersonOrder,
  ScimPerson,
  ScimTarget,
  Verdict,
  WriteOptions,
} from '../../core/roster/target.ts'

type Put = Extract<RosterEntry, { readonly op: 'put' }>

/** A school system in memory: its records, and what has happened to them, as pages. */
export class MemorySource implements RosterSource {
  readonly records = new Map<string, Put>()
  readonly events: RosterEntry[] = []
  readonly faults: RosterFault[] = []
  pageSize = 100
  revision: string | undefined
  totals = new Map<string, number>()
  requests: string[] = []
  /** Called before a page is answered. */
  beforePage: (request: RosterPageRequest) => Promise<void> | void = () => {}

  put(...puts: readonly Omit<Put, 'op'>[]): void {
    for (const put of puts) {
      const entry = { op: 'put', ...put } as Put // the same pairs of collection and record
      this.records.set(`${entry.collection}/${entry.record.id}`, entry)
      this.events.push(entry)
    }
  }

  remove(collection: Put['collection'], id: string): void {
    this.records.delete(`${collection}/${id}`)
    this.events.push({ op: 'remove', collection, id })
  }

  listStreams(mode: 'full' | 'incremental'): readonly string[] {
    return mode === 'full' ? rosterCollections : ['events']
  }

  async readBaseline(): Promise<string> {
    return await Promise.resolve(String(this.events.length))
  }

  async readPage(request: RosterPageRequest): Promise<RosterPage> {
    const { stream, cursor, since, signal } = request
    this.requests.push(`${stream}@${cursor ?? ''}`)
    await this.beforePage(request)
    signal.throwIfAborted()
    const all =
      stream === 'events'
        ? this.events.slice(Number(since))
        : [...this.records.values()].filter(({ collection }) => collection === stream)
    const start = Number(cursor ?? 0)
    const entries = all.slice(start, start + this.pageSize)
    const next = start + this.pageSize < all.length ? String(start + this.pageSize) : undefined
    const total = this.totals.get(stream)
    return {
      entries,
      faults: start === 0 ? this.faults.filter(({ entity }) => entity === stream) : [],
      warnings: 0,
      next,
      ...(total !== undefined && { total }),
      ...(this.revision !== undefined && { revision: this.revision }),
    }
  }

  async check(): Promise<void> {
    await Promise.resolve()
  }

  close(): void {}
}

type Group = { externalId: string; displayName: string; members: Set<string> }

/** A SCIM service provider in memory that insists on unique names, and counts what is written. */
export class MemoryTarget implements ScimTarget {
  readonly people = new Map<string, ScimPerson>()
  readonly groups = new Map<string, Group>()
  /** By id of the target. */
  readonly entitlements = new Map<string, readonly string[]>()
  writes = 0
  #next = 0
  /** Whether its list of groups says who is in them. */
  listsMembers = true
  /** Orders of these ids are refused. */
  readonly refused = new Set<string>()
  beforeWrite: (signal: AbortSignal) => Promise<void> | void = () => {}
  /** Called once something is written, before anybody hears of it. */
  afterWrite: () => void = () => {}

  async writePeople(
    orders: readonly PersonOrder[],
    { signal, onVerdicts }: WriteOptions<Verdict>,
  ): Promise<void> {
    await this.#writeEach(orders, { signal, onVerdicts }, (order) => this.#writePerson(order))
  }

  async writeGroups(
    orders: readonly GroupOrder[],
    { signal, onVerdicts }: WriteOptions<Verdict>,
  ): Promise<void> {
    await this.#writeEach(orders, { signal, onVerdicts }, (order) => this.#writeGroup(order))
  }

  async writeMembers(
    orders: readonly MembersOrder[],
    { signal, onVerdicts }: Parameters<ScimTarget['writeMembers']>[1],
  ): Promise<void> {
    for (const { id, scimId, add, remove } of orders) {
      await this.beforeWrite(signal)
      signal.throwIfAborted()
      const members = this.groups.get(scimId)?.members
      if (!members) {
        const failed = { outcome: 'failed', code: 'group_gone', message: 'Gone' } as const
        await onVerdicts([{ id, ...failed, attempts: 1, refused: [] }])
        continue
      }
      this.writes += 1
      for (const member of add) members.add(member)
      for (const member of remove) members.delete(member)
      await onVerdicts([{ id, outcome: 'done', scimId, attempts: 1, refused: [] }])
    }
  }

  async listPeople({
    startIndex,
    count,
  }: Parameters<ScimTarget['listPeople']>[0]): ReturnType<ScimTarget['listPeople']> {
    const all = [...this.people].map(([scimId, person]) => ({
      scimId,
      externalId: person.externalId,
      userName: person.userName,
      active: person.active,
      entitlements: this.entitlements.get(scimId) ?? [],
      person,
    }))
    const people = all.slice(startIndex - 1, startIndex - 1 + count)
    return await Promise.resolve({ people, total: all.length })
  }

  async listGroups({
    startIndex,
    count,
  }: Parameters<ScimTarget['listGroups']>[0]): ReturnType<ScimTarget['listGroups']> {
    const all = [...this.groups].map(([scimId, { members, ...group }]) => ({
      scimId,
      ...group,
      ...(this.listsMembers && { members: [...members] }),
    }))
    const groups = all.slice(startIndex - 1, startIndex - 1 + count)
    return await Promise.resolve({ groups, total: all.length })
  }

  async readGroup(scimId: string): ReturnType<ScimTarget['readGroup']> {
    const group = await Promise.resolve(this.groups.get(scimId))
    return group && { scimId, ...group, members: [...group.members] }
  }

  async check(): Promise<void> {
    await Promise.resolve()
  }

  close(): void {}

  countActive(): number {
    return [...this.people.values()].filter(({ active }) => active).length
  }

  /** The active people by externalId, and the groups by theirs with the names of their members. */
  read(): { readonly people: Record<string, ScimPerson>; readonly groups: Record<string, object> } {
    const active = [...this.people.values()].filter((person) => person.active)
    const idOf = (scimId: string): string => this.people.get(scimId)?.externalId ?? scimId
    return {
      people: Object.fromEntries(sortByKey(active.map((one) => [one.externalId, one]))),
      groups: Object.fromEntries(
        sortByKey(
          [...this.groups.values()].map(({ externalId, displayName, members }) => [
            externalId,
            { displayName, members: [...members].map(idOf).toSorted() },
          ]),
        ),
      ),
    }
  }

  async #writeEach<O extends { readonly id: string }>(
    orders: readonly O[],
    { signal, onVerdicts }: WriteOptions<Verdict>,
    write: (order: O) => string | { readonly code: string },
  ): Promise<void> {
    for (const order of orders) {
      await this.beforeWrite(signal)
      if (signal.aborted) throw new AppError('call_aborted', 'Stopped', { status: 499 })
      const result = this.refused.has(order.id) ? { code: 'http_400' } : write(order)
      const { id } = order
      if (typeof result === 'string') {
        this.writes += 1
        this.afterWrite()
        await onVerdicts([{ id, outcome: 'done', scimId: result, attempts: 1 }])
      } else {
        const message = 'Refused'
        await onVerdicts([{ id, outcome: 'failed', code: result.code, message, attempts: 1 }])
      }
    }
  }

  #writePerson(order: PersonOrder): string | { readonly code: string } {
    if (order.op === 'create' || order.op === 'update') {
      const isThere = order.op === 'update' && this.people.has(order.scimId)
      const scimId = isThere ? order.scimId : this.#findOwn(order.after.externalId)
      const name = order.after.userName.toLowerCase()
      const holder = [...this.people].find(([, one]) => one.userName.toLowerCase() === name)
      if (holder && holder[0] !== scimId) return { code: 'conflict' }
      const id = scimId ?? `p${(this.#next += 1)}`
      this.people.set(id, order.after)
      return id
    }
    if (order.op === 'entitle' && !this.people.has(order.scimId)) return { code: 'account_gone' }
    if (order.op === 'entitle') this.entitlements.set(order.scimId, order.entitlements)
    const person = this.people.get(order.scimId)
    if (order.op === 'deactivate' && person)
      this.people.set(order.scimId, { ...person, active: false })
    if (order.op === 'delete') this.people.delete(order.scimId)
    return order.scimId
  }

  #findOwn(externalId: string): string | undefined {
    return [...this.people].find(([, person]) => person.externalId === externalId)?.[0]
  }

  #writeGroup(order: GroupOrder): string | { readonly code: string } {
    if (order.op === 'delete') {
      this.groups.delete(order.scimId)
      return order.scimId
    }
    const known = [...this.groups].find(([, one]) => one.externalId === order.after.externalId)
    const taken = [...this.groups].find(([, one]) => one.displayName === order.after.displayName)
    if (taken && taken[0] !== known?.[0]) return { code: 'display_name_conflict' }
    const scimId = known?.[0] ?? `g${(this.#next += 1)}`
    const members = known?.[1].members ?? new Set()
    this.groups.set(scimId, { ...order.after, members })
    return scimId
  }
}

function sortByKey<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return entries.toSorted(([one], [other]) => (one < other ? -1 : 1))
}
