import { AppError } from '../../core/errors.ts'
import { AccountIndex, type Account, type Key, type Match } from './account-index.ts'
import type { ScimAnswer, ScimCalls, ScimContext } from './calls.ts'
import type { Capabilities } from './capabilities.ts'
import {
  parsePage,
  parseResource,
  type Kind,
  type Resource,
  type ResourcePage,
} from './resource.ts'
import { SharedRun } from './shared-run.ts'

export type DirectoryOptions = {
  readonly kind: Kind
  readonly calls: ScimCalls
  readonly capabilities: Capabilities
}

/** Why what is known may be out of date: a POST of ours may have come through, or was refused. */
export type Doubt = 'unknown' | 'conflict' | undefined

type Attribute = 'externalId' | 'userName' | 'displayName'

// A page of a list takes a target about as long as this many look-ups.
const LOOKUPS_PER_PAGE = 10
const MAX_INDEXED = 500_000
const CONFLICT_REFRESH_MS = 60_000

/**
 * Who there is at a target, which is learned with its first page: one that fits on it, or is empty,
 * is known whole. A larger one is asked by filter until that has cost as much as listing it would,
 * and is listed then; one whose filter does not find who is known to be there is listed at once.
 * What is created here is remembered.
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #nameAttribute: 'userName' | 'displayName'
  readonly #learn = new SharedRun(async (context) => await this.#readFirst(context))
  readonly #list = new SharedRun(async (context) => await this.#readAll(context))
  readonly #distrusted = new Set<Attribute>()
  readonly #proven = new Set<Attribute>()
  #index: AccountIndex | undefined
  #listedAtMs = 0
  #total = 0
  #pages = 0
  #spent = 0
  // Accounts that a filter has to find.
  #withName: Account | undefined
  #withExternalId: Account | undefined

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.#nameAttribute = options.kind === 'Users' ? 'userName' : 'displayName'
  }

  /** Matches are exact: externalIds to the letter, names in any case. Throws as calls do. */
  async find(key: Key, context: ScimContext, doubt?: Doubt): Promise<Match> {
    await this.#learn.done(context)
    if (!doubt && !this.#index && this.#isListingDue()) await this.#list.done(context)
    if (!doubt && this.#index) return this.#index.find(key)
    const asked = await this.#query(key, context)
    const isFound = asked?.own !== undefined || asked?.named !== undefined
    if (asked && (isFound || doubt !== 'conflict')) return asked
    // Somebody is there whom the filter does not find, such as under a name in another case.
    if (doubt === 'conflict') await this.#lookAgain(key, context)
    const ageMs = performance.now() - this.#listedAtMs
    const isOld = doubt === 'unknown' || (doubt && ageMs > CONFLICT_REFRESH_MS)
    if (!this.#index && asked && this.#total > MAX_INDEXED) return asked
    if (!this.#index) await this.#list.done(context)
    else if (isOld) await this.#list.again(context)
    return this.#index?.find(key) ?? throwUnlisted(this.#options.kind)
  }

  remember(account: Account): void {
    this.#index?.add(account)
    this.#note(account)
  }

  forget(id: string): void {
    this.#index?.remove(id)
    if (this.#withName?.id === id) this.#withName = undefined
    if (this.#withExternalId?.id === id) this.#withExternalId = undefined
  }

  async #readFirst(context: ScimContext): Promise<void> {
    const startedMs = performance.now()
    const { resources, total } = await this.#readPage(1, context)
    const accounts = resources.map((one) => this.#toAccount(one))
    for (const account of accounts) this.#note(account)
    this.#total = total
    this.#pages = Math.ceil(total / Math.max(accounts.length, 1))
    if (accounts.length >= total) this.#keep(accounts, startedMs)
  }

  async #readAll(context: ScimContext): Promise<void> {
    const startedMs = performance.now()
    const seen = new AccountIndex()
    for (let startIndex = 1; ;) {
      const { resources, total } = await this.#readPage(startIndex, context)
      const before = seen.size
      for (const one of resources) seen.add(this.#toAccount(one))
      startIndex += resources.length
      if (resources.length === 0 || startIndex > total) break
      // The same page over and over: the rest is not to be had.
      if (seen.size === before) throwUnlisted(this.#options.kind)
    }
    this.#index = seen
    this.#listedAtMs = startedMs
  }

  #keep(accounts: readonly Account[], startedMs: number): void {
    this.#index = new AccountIndex()
    for (const account of accounts) this.#index.add(account)
    this.#listedAtMs = startedMs
  }

  #isListingDue(): boolean {
    return this.#spent >= this.#pages * LOOKUPS_PER_PAGE && this.#total <= MAX_INDEXED
  }

  async #readPage(startIndex: number, context: ScimContext): Promise<ResourcePage> {
    const { kind, calls, capabilities } = this.#options
    const query = `startIndex=${startIndex}&count=${capabilities.pageSize}${lean(kind)}`
    const answer = await calls.send({ method: 'GET', path: `/${kind}?${query}`, ...context })
    const page = answer.status === 200 ? parsePage(answer) : undefined
    return page ?? throwUnlisted(kind)
  }

  // Undefined where the target does not answer filters rightly.
  async #query(key: Key, context: ScimContext): Promise<Match | undefined> {
    const external = await this.#queryOne('externalId', key.externalId, context)
    const own = external?.find(({ externalId }) => externalId === key.externalId)
    if (!external || own) return own && { own, named: undefined }
    const named = await this.#queryOne(this.#nameAttribute, key.name, context)
    return named && { own: undefined, named: named[0] }
  }

  async #queryOne(
    attribute: Attribute,
    value: string,
    context: ScimContext,
  ): Promise<readonly Account[] | undefined> {
    if (!(await this.#isTrusted(attribute, context))) return undefined
    this.#spent += 1
    const accounts = await this.#ask(attribute, value, context)
    if (!accounts) this.#distrusted.add(attribute)
    for (const account of accounts ?? []) this.#note(account)
    return accounts
  }

  async #isTrusted(attribute: Attribute, context: ScimContext): Promise<boolean> {
    if (!this.#options.capabilities.filter || this.#distrusted.has(attribute)) return false
    const known = attribute === 'externalId' ? this.#withExternalId : this.#withName
    if (this.#proven.has(attribute) || !known) return true
    const found = await this.#ask(attribute, valueOf(known, attribute), context)
    const isFound = found?.some(({ id }) => id === known.id) === true
    if (!isFound && (await this.#isGone(known, context))) {
      this.forget(known.id)
      return true
    }
    if (isFound) this.#proven.add(attribute)
    else this.#distrusted.add(attribute)
    return isFound
  }

  async #isGone(account: Account, context: ScimContext): Promise<boolean> {
    return (await this.#read(account, context)).status === 404
  }

  // Whom it knows by the name may have gone, or given it up.
  async #lookAgain(key: Key, context: ScimContext): Promise<void> {
    const named = this.#index?.find(key).named
    if (!named) return
    const answer = await this.#read(named, context)
    const resource = answer.status === 200 ? parseResource(answer) : undefined
    if (resource) this.remember(this.#toAccount(resource))
    else if (answer.status === 404) this.forget(named.id)
  }

  async #read({ id }: Account, context: ScimContext): Promise<ScimAnswer> {
    const path = `/${this.#options.kind}/${encodeURIComponent(id)}`
    return await this.#options.calls.send({ method: 'GET', path, ...context })
  }

  async #ask(
    attribute: Attribute,
    value: string,
    context: ScimContext,
  ): Promise<readonly Account[] | undefined> {
    const { kind, calls } = this.#options
    const filter = encodeURIComponent(`${attribute} eq ${JSON.stringify(value)}`)
    const path = `/${kind}?filter=${filter}${lean(kind)}`
    const answer = await calls.send({ method: 'GET', path, ...context })
    if (answer.status === 404) return []
    const page = answer.status === 200 ? parsePage(answer) : undefined
    const accounts = page?.resources.map((one) => this.#toAccount(one))
    // One that ignores filters answers with everybody.
    const isHonest = accounts?.every((one) => isSameText(valueOf(one, attribute), value))
    return isHonest === true ? accounts : undefined
  }

  #note(account: Account): void {
    if (account.name !== '') this.#withName = account
    if (account.externalId !== undefined) this.#withExternalId = account
  }

  #toAccount(resource: Resource): Account {
    const externalId = textOf(resource['externalId'])
    const name = textOf(resource[this.#nameAttribute]) ?? ''
    return { id: resource.id, externalId, name, resource }
  }
}

// Groups are told apart without their members.
function lean(kind: Kind): string {
  return kind === 'Groups' ? '&excludedAttributes=members' : ''
}

function valueOf(account: Account, attribute: Attribute): string {
  return attribute === 'externalId' ? (account.externalId ?? '') : account.name
}

function isSameText(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function throwUnlisted(kind: Kind): never {
  throw new AppError('target_failed', `Cannot find out who is at the target: it lists no ${kind}`, {
    status: 502,
  })
}
