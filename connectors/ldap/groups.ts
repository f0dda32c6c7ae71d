import { Attribute, Change, type Client } from 'ldapts'
import { ldapCodeOf, ldapCodes } from './connection.ts'
import { escapeDnValue, escapeFilterValue, splitDn } from './escape.ts'

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

/** Takes a member out of a group; a group without members may not be, and is deleted. */
export async function leaveGroup(
  { client }: LdapGroups,
  dn: string,
  member: string,
): Promise<void> {
  try {
    await client.modify(dn, changeMember('delete', member))
  } catch (error) {
    const code = ldapCodeOf(error)
    // The schema does not let a group be without members: this was the last one.
    if (code === ldapCodes.objectClassViolation) await client.del(dn).catch(ignoreGone)
    else ignoreGone(error)
  }
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
