import type { ScimAttributes } from './scim-patch.ts'

export type ScimResource = ScimAttributes & { readonly id: string }

/** Who is asked for: the attributes that a filter may name. */
export type IndexedAttribute = 'externalId' | 'userName' | 'displayName'

const CASELESS: ReadonlySet<IndexedAttribute> = new Set(['userName', 'displayName'])

/** The accounts or groups of a stand-in, in the order in which they were made. */
export class ScimStore {
  readonly #unique: IndexedAttribute
  readonly #byId = new Map<string, ScimResource>()
  readonly #indexes: Readonly<Record<IndexedAttribute, Map<string, string>>> = {
    externalId: new Map(),
    userName: new Map(),
    displayName: new Map(),
  }
  #nextId = 1

  /** `unique` is the attribute that no two have in common. */
  constructor(unique: IndexedAttribute) {
    this.#unique = unique
  }

  get size(): number {
    return this.#byId.size
  }

  list(): ScimResource[] {
    return [...this.#byId.values()]
  }

  get(id: string): ScimResource | undefined {
    return this.#byId.get(id)
  }

  /** The one with this value; of several the last. */
  find(attribute: IndexedAttribute, value: string): ScimResource | undefined {
    const id = this.#indexes[attribute].get(keyOf(attribute, value))
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** Undefined when another one has what is unique. */
  create(attributes: ScimAttributes): ScimResource | undefined {
    return this.#put({ ...attributes, id: String(this.#nextId++) })
  }

  /** Undefined when another one has what is unique. */
  replace(id: string, attributes: ScimAttributes): ScimResource | undefined {
    return this.#put({ ...attributes, id })
  }

  delete(id: string): boolean {
    const held = this.#byId.get(id)
    if (!held) return false
    this.#byId.delete(id)
    this.#eachKey(held, (index, key) => {
      if (index.get(key) === id) index.delete(key)
    })
    return true
  }

  #put(resource: ScimResource): ScimResource | undefined {
    const value = resource[this.#unique]
    const holder = typeof value === 'string' ? this.find(this.#unique, value) : undefined
    if (holder && holder.id !== resource.id) return undefined
    const held = this.#byId.get(resource.id)
    if (held) this.#eachKey(held, (index, key) => void index.delete(key))
    this.#byId.set(resource.id, resource)
    this.#eachKey(resource, (index, key) => void index.set(key, resource.id))
    return resource
  }

  #eachKey(resource: ScimResource, work: (index: Map<string, string>, key: string) => void): void {
    for (const attribute of ['externalId', 'userName', 'displayName'] as const) {
      const value = resource[attribute]
      if (typeof value === 'string') work(this.#indexes[attribute], keyOf(attribute, value))
    }
  }
}

function keyOf(attribute: IndexedAttribute, value: string): string {
  return CASELESS.has(attribute) ? value.toLowerCase() : value
}
