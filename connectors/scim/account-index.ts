import type { Resource } from './resource.ts'

/** An account or a group as it is found. */
export type Account = {
  readonly id: string
  readonly externalId: string | undefined
  /** `userName` or `displayName`; empty where it has none. */
  readonly name: string
  /** All of it, where it was just read. */
  readonly resource?: Resource
}

/** Whom a record may be at the target: who has its externalId, and who has its name. */
export type Match = { readonly own: Account | undefined; readonly named: Account | undefined }

export type Key = { readonly externalId: string; readonly name: string }

/** Everybody of a target, in memory: by externalId to the letter, by name in any case. */
export class AccountIndex {
  readonly #byId = new Map<string, Account>()
  readonly #byExternalId = new Map<string, Account>()
  readonly #byName = new Map<string, Account>()

  get size(): number {
    return this.#byId.size
  }

  /** The first of several with one externalId or one name counts. */
  add({ id, externalId, name }: Account): void {
    this.remove(id)
    const account = { id, externalId, name }
    this.#byId.set(id, account)
    if (externalId !== undefined) addFirst(this.#byExternalId, externalId, account)
    if (name !== '') addFirst(this.#byName, name.toLowerCase(), account)
  }

  find({ externalId, name }: Key): Match {
    return {
      own: this.#byExternalId.get(externalId),
      named: this.#byName.get(name.toLowerCase()),
    }
  }

  remove(id: string): void {
    const account = this.#byId.get(id)
    if (!account) return
    this.#byId.delete(id)
    removeOwn(this.#byExternalId, account.externalId ?? '', id)
    removeOwn(this.#byName, account.name.toLowerCase(), id)
  }
}

function addFirst(map: Map<string, Account>, key: string, account: Account): void {
  if (!map.has(key)) map.set(key, account)
}

function removeOwn(map: Map<string, Account>, key: string, id: string): void {
  if (map.get(key)?.id === id) map.delete(key)
}
