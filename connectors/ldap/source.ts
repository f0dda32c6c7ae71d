import type { Client, Entry } from 'ldapts'
import {
  listMappedAttributes,
  readLdapEntry,
  type LdapMapping,
  type LdapValues,
} from '../../core/source/ldap-entry.ts'
import type { ProfileSource, SourceRead } from '../../core/source/source.ts'
import { createLdapConnection, type LdapOptions } from './connection.ts'
import { foldDn } from './escape.ts'

export type LdapSourceOptions = LdapOptions &
  LdapMapping &
  Pick<ProfileSource, 'name' | 'publisher' | 'guard'> & {
    readonly baseDn: string
    /** RFC 4515. */
    readonly filter: string
    readonly groupsBaseDn?: string | undefined
    readonly pageSize: number
  }

type Directory = { readonly client: Client; readonly options: LdapSourceOptions }

type Groups = {
  /** Names by the distinguished name of a member. */
  readonly byMember: ReadonlyMap<string, readonly string[]>
  /** When the newest of them was changed. */
  readonly modifiedAt: string | undefined
}

const GROUPS = '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))'
// Generalized time as directories write it (RFC 4517 §3.3.13), of which the order is that of text.
const MODIFIED = 'modifyTimestamp'
const GENERALIZED_TIME = /^\d{14}(\.\d+)?Z$/

/** A directory that persons are pulled from, by paged search; incremental by `modifyTimestamp`. */
export function createLdapSource(options: LdapSourceOptions): ProfileSource {
  const { name, publisher, guard } = options
  const connection = createLdapConnection(options)
  return {
    name,
    publisher,
    guard,
    matchesBy: 'user_id',
    creates: true,
    read: async (request) =>
      await connection.use(async (client) => await readDirectory({ client, options }, request)),
    close: connection.close,
  }
}

async function readDirectory(
  directory: Directory,
  { since, signal, onRows }: SourceRead,
): Promise<string | undefined> {
  const { client, options } = directory
  const groups = await readGroups(directory)
  // A group names its members: who left one is not changed by it, so that everybody is read.
  const isGroupNewer = since !== undefined && (groups?.modifiedAt ?? '') >= since
  let newest = laterOf(since, groups?.modifiedAt)
  const pages = client.searchPaginated(options.baseDn, {
    scope: 'sub',
    filter: createFilter(options.filter, isGroupNewer ? undefined : since),
    attributes: [...listMappedAttributes(options), MODIFIED],
    paged: { pageSize: options.pageSize },
  })
  for await (const { searchEntries } of pages) {
    signal.throwIfAborted()
    const entries = searchEntries.map((entry) => ({ dn: entry.dn, values: readValues(entry) }))
    for (const { values } of entries) newest = laterOf(newest, modifiedAt(values))
    await onRows(
      entries.map(({ dn, values }) => {
        const own = groups && (groups.byMember.get(foldDn(dn)) ?? [])
        return readLdapEntry(values, { mapping: options, ...(own && { groups: own }) })
      }),
    )
  }
  return newest
}

async function readGroups({ client, options }: Directory): Promise<Groups | undefined> {
  if (options.groupsBaseDn === undefined) return undefined
  const byMember = new Map<string, string[]>()
  let newest: string | undefined
  const pages = client.searchPaginated(options.groupsBaseDn, {
    scope: 'sub',
    filter: GROUPS,
    attributes: ['cn', 'member', 'uniqueMember', MODIFIED],
    paged: { pageSize: options.pageSize },
  })
  for await (const { searchEntries } of pages) {
    for (const entry of searchEntries) {
      const values = readValues(entry)
      newest = laterOf(newest, modifiedAt(values))
      const [name] = values.get('cn') ?? []
      if (name === undefined) continue
      const members = [...(values.get('member') ?? []), ...(values.get('uniquemember') ?? [])]
      for (const member of members) addTo(byMember, foldDn(member), name)
    }
  }
  return { byMember, modifiedAt: newest }
}

function createFilter(filter: string, since: string | undefined): string {
  return since === undefined ? filter : `(&${filter}(${MODIFIED}>=${since}))`
}

function readValues(entry: Entry): LdapValues {
  const values = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(entry)) {
    const list = Array.isArray(value) ? value : [value]
    values.set(
      name.toLowerCase(),
      list.map((one) => (typeof one === 'string' ? one : one.toString('utf8'))),
    )
  }
  return values
}

function modifiedAt(values: LdapValues): string | undefined {
  const [text] = values.get(MODIFIED.toLowerCase()) ?? []
  return text !== undefined && GENERALIZED_TIME.test(text) ? text : undefined
}

function laterOf(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}

function addTo(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
