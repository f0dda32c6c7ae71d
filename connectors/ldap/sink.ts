import { Attribute, Change, type Client, type Entry } from 'ldapts'
import { AppError } from '../../core/errors.ts'
import type {
  ProfileSink,
  SinkComparison,
  SinkDelivery,
  SinkOutcome,
} from '../../core/profile/sink.ts'
import { createLdapConnection, ldapCodeOf, ldapCodes, type LdapOptions } from './connection.ts'
import { createWantedEntry, type LdapEntrySettings, type WantedEntry } from './entry.ts'
import { foldDn } from './escape.ts'
import { joinGroup, leaveGroup, listMemberships, toGroupDn } from './groups.ts'

export type LdapSinkOptions = LdapOptions &
  LdapEntrySettings & {
    readonly name: string
    /** A template with `{group}`; without it groups are left alone. */
    readonly groupDn?: string | undefined
    readonly scopes: ReadonlySet<string>
  }

type Directory = { readonly client: Client; readonly options: LdapSinkOptions }

/**
 * A directory as a sink: an entry per person, changed only in what differs; inactive persons are
 * moved where the settings say so, deleted ones are removed; membership of groups follows.
 */
export function createLdapSink(options: LdapSinkOptions): ProfileSink {
  const connection = createLdapConnection(options)
  return {
    name: options.name,
    kind: 'ldap',
    deliver: async (delivery) =>
      await connection.use(async (client) => await bring({ client, options }, delivery)),
    compare: async (delivery) =>
      await connection.use(async (client) => await compare({ client, options }, delivery)),
    close: async () => await connection.close(),
  }
}

async function bring(directory: Directory, delivery: SinkDelivery): Promise<SinkOutcome> {
  if ((await compare(directory, delivery)) === 'same') return { state: 'succeeded', wrote: false }
  const wanted = want(directory, delivery)
  if (delivery.isDeleted) await removePerson(directory, wanted)
  else await writePerson(directory, wanted)
  if ((await compare(directory, delivery)) === 'same') return { state: 'succeeded', wrote: true }
  throw new AppError('not_read_back', 'Cannot read back from the directory what was written', {
    status: 502,
  })
}

function want({ options }: Directory, { profile }: SinkDelivery): WantedEntry {
  return createWantedEntry(options, profile, options.scopes)
}

async function compare(directory: Directory, delivery: SinkDelivery): Promise<SinkComparison> {
  const wanted = want(directory, delivery)
  const entry = await findEntry(directory, wanted.dn, wanted)
  const other = wanted.otherDn && (await findEntry(directory, wanted.otherDn, wanted))
  if (delivery.isDeleted) return entry || other ? 'extra' : 'same'
  if (!entry && !other) return 'missing'
  if (!entry || other || listChanges(directory.options, entry, wanted).length > 0)
    return 'different'
  const { join, leave } = await compareGroups(directory, wanted)
  return join.length === 0 && leave.length === 0 ? 'same' : 'different'
}

async function writePerson(directory: Directory, wanted: WantedEntry): Promise<void> {
  const { client, options } = directory
  const { dn, otherDn } = wanted
  let entry = await findEntry(directory, dn, wanted)
  if (otherDn !== undefined && (await findEntry(directory, otherDn, wanted))) {
    await leaveAll(directory, otherDn)
    // Of two that are the same person's, the one that is not where they belong goes.
    if (entry) await client.del(otherDn).catch(ignoreAbsent)
    else await client.modifyDN(otherDn, dn)
    entry = await findEntry(directory, dn, wanted)
  }
  if (entry) {
    const changes = listChanges(options, entry, wanted)
    if (changes.length > 0) await client.modify(dn, changes)
  } else {
    await client.add(dn, toAttributes(options, wanted))
  }
  await writeGroups(directory, wanted)
}

async function removePerson(directory: Directory, wanted: WantedEntry): Promise<void> {
  for (const dn of [wanted.dn, wanted.otherDn]) {
    if (dn === undefined) continue
    await leaveAll(directory, dn)
    await directory.client.del(dn).catch(ignoreAbsent)
  }
}

async function writeGroups(directory: Directory, wanted: WantedEntry): Promise<void> {
  const { client, options } = directory
  if (options.groupDn === undefined) return
  const groups = { client, groupDn: options.groupDn }
  const { join, leave } = await compareGroups(directory, wanted)
  for (const name of join) {
    await joinGroup(groups, { name, dn: toGroupDn(groups.groupDn, name) }, wanted.dn)
  }
  for (const dn of leave) await leaveGroup(groups, dn, wanted.dn)
}

async function leaveAll({ client, options }: Directory, dn: string): Promise<void> {
  if (options.groupDn === undefined) return
  const groups = { client, groupDn: options.groupDn }
  for (const group of await listMemberships(groups, dn)) await leaveGroup(groups, group, dn)
}

async function compareGroups(
  { client, options }: Directory,
  wanted: WantedEntry,
): Promise<{ readonly join: string[]; readonly leave: string[] }> {
  const { groupDn } = options
  if (groupDn === undefined) return { join: [], leave: [] }
  const held = new Map(
    (await listMemberships({ client, groupDn }, wanted.dn)).map((dn) => [foldDn(dn), dn]),
  )
  const should = new Map(wanted.groups.map((name) => [foldDn(toGroupDn(groupDn, name)), name]))
  return {
    join: [...should].filter(([dn]) => !held.has(dn)).map(([, name]) => name),
    leave: [...held].filter(([dn]) => !should.has(dn)).map(([, dn]) => dn),
  }
}

async function findEntry(
  { client }: Directory,
  dn: string,
  wanted: WantedEntry,
): Promise<Entry | undefined> {
  try {
    const { searchEntries } = await client.search(dn, {
      scope: 'base',
      filter: '(objectClass=*)',
      attributes: ['objectClass', ...wanted.attributes.keys()],
    })
    return searchEntries[0]
  } catch (error) {
    return ignoreAbsent(error)
  }
}

function listChanges(options: LdapSinkOptions, entry: Entry, wanted: WantedEntry): Change[] {
  const changes = [...wanted.attributes].flatMap(([type, values]) => {
    const held = valuesOf(entry, type)
    if (isSameSet(held, values)) return []
    // What the settings do not speak of is given to new entries; an adopted one keeps its own.
    if (!Object.hasOwn(options.attributes, type) && held.length > 0) return []
    const modification = new Attribute({ type, values: [...values] })
    return [new Change({ operation: 'replace', modification })]
  })
  const classes = valuesOf(entry, 'objectClass').map((name) => name.toLowerCase())
  const lacking = options.objectClasses.filter((name) => !classes.includes(name.toLowerCase()))
  if (lacking.length === 0) return changes
  const modification = new Attribute({ type: 'objectClass', values: lacking })
  return [new Change({ operation: 'add', modification }), ...changes]
}

function toAttributes(
  { objectClasses }: LdapSinkOptions,
  wanted: WantedEntry,
): Record<string, string[]> {
  const set = [...wanted.attributes].filter(([, values]) => values.length > 0)
  return {
    objectClass: [...objectClasses],
    ...Object.fromEntries(set.map(([type, values]) => [type, [...values]])),
  }
}

// Servers answer attribute names in a case of their own.
function valuesOf(entry: Entry, type: string): string[] {
  const name = Object.keys(entry).find((known) => known.toLowerCase() === type.toLowerCase())
  const values = name === undefined ? [] : entry[name]
  return [values ?? []].flat().map(String)
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && other.every((value) => one.includes(value))
}

function ignoreAbsent(error: unknown): undefined {
  if (ldapCodeOf(error) !== ldapCodes.noSuchObject) throw error
  return undefined
}
