import { randomUUID } from 'node:crypto'
import { Attribute, Change, type Client } from 'ldapts'
import { ldapCodeOf, ldapCodes } from './connection.ts'
import { escapeDnValue, escapeFilterValue, foldDn, splitDn } from './escape.ts'

/** Groups of a directory: `groupOfNames`, named by a template with `{group}`. */
export type LdapGroups = { readonly client: Client; readonly groupDn: string }

const MAX_TRIES = 3

/** The distinguished names of the groups below the template's container that have this member. */
export async function listMemberships(
  { client, groupDn }: LdapGroups,
  dn: string,
): Promise<string[]> {
  const { parent } = splitDn(groupDn)
  try {
    const { searchEntries } = await client.search(parent, {
      scope: 'sub',
      filter: `(&(objectClass=groupOfNames)(member=${escapeFilterValue(dn)}))`,
      attributes: ['dn'],
    })
    return searchEntries.map((entry) => entry.dn)
  } catch (error) {
    if (ldapCodeOf(error) === ldapCodes.noSuchObject) return []
    throw error
  }
}

/** The distinguished name of a group. */
export function toGroupDn(groupDn: string, group: string): string {
  return groupDn.replaceAll('{group}', escapeDnValue(group))
}

/** Puts a member into a group, which is made with its first one. */
export async function joinGroup(
  { client }: LdapGroups,
  group: { readonly dn: string; readonly name: string },
  member: string,
): Promise<void> {
  // Somebody else may make or remove it meanwhile.
  for (let tries = 1; ; tries += 1) {
    try {
      await client.modify(group.dn, changeMember('add', member))
      return
    } catch (error) {
      const code = ldapCodeOf(error)
      if (code === ldapCodes.typeOrValueExists) return
      if (code !== ldapCodes.noSuchObject) throw error
    }
    try {
      const [naming = 'cn'] = splitDn(group.dn).rdn.split('=')
      await client.add(group.dn, {
        objectClass: ['groupOfNames'],
        [naming]: group.name,
        member: [member],
      })
      return
    } catch (error) {
      if (ldapCodeOf(error) !== ldapCodes.entryAlreadyExists || tries === MAX_TRIES) throw error
    }
  }
}

/**
 * Takes a member out of a group; a group without members may not be, and is deleted. Whoever joins it
 * meanwhile stays a member.
 */
export async function leaveGroup(groups: LdapGroups, dn: string, member: string): Promise<void> {
  try {
    await groups.client.modify(dn, changeMember('delete', member))
  } catch (error) {
    // The schema does not let a group be without members: this was the last one.
    if (ldapCodeOf(error) === ldapCodes.objectClassViolation) await removeGroup(groups, dn, member)
    else ignoreGone(error)
  }
}

// Under a name that nobody knows nobody joins it any more: then it shows whether somebody just did.
async function removeGroup({ client }: LdapGroups, dn: string, member: string): Promise<void> {
  const { rdn, parent } = splitDn(dn)
  const [naming = 'cn'] = rdn.split('=')
  const away = `${naming}=${randomUUID()},${parent}`
  try {
    await client.modifyDN(dn, away)
  } catch (error) {
    return ignoreGone(error)
  }
  const joined = (await listMembers(client, away)).filter((one) => foldDn(one) !== foldDn(member))
  if (joined.length > 0 && (await isRenamed(client, away, dn))) {
    return await client.modify(dn, changeMember('delete', member)).catch(ignoreGone)
  }
  // Somebody has made the group anew.
  for (const one of joined) {
    await client.modify(dn, changeMember('add', one)).catch(ignoreMember)
  }
  await client.del(away).catch(ignoreGone)
}

async function listMembers(client: Client, dn: string): Promise<string[]> {
  const { searchEntries } = await client.search(dn, { scope: 'base', attributes: ['member'] })
  return [searchEntries[0]?.['member'] ?? []].flat().map(String)
}

async function isRenamed(client: Client, from: string, to: string): Promise<boolean> {
  try {
    await client.modifyDN(from, to)
    return true
  } catch (error) {
    if (ldapCodeOf(error) !== ldapCodes.entryAlreadyExists) throw error
    return false
  }
}

function ignoreMember(error: unknown): void {
  if (ldapCodeOf(error) !== ldapCodes.typeOrValueExists) throw error
}

function ignoreGone(error: unknown): void {
  const code = ldapCodeOf(error)
  if (code !== ldapCodes.noSuchObject && code !== ldapCodes.noSuchAttribute) throw error
}

function changeMember(operation: 'add' | 'delete', member: string): Change {
  return new Change({
    operation,
    modification: new Attribute({ type: 'member', values: [member] }),
  })
}
