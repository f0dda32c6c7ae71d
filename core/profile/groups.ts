import { publisherNames, type AttributeGroup, type Profile } from './document.ts'

/**
 * The person's groups as relying parties know them: those of LDAP by their own names, others as
 * `<publisher>_<group>`, sorted. HR's entries that hold something are facts about the person, not
 * groups. Filter the profile first: what a reader may not see names no group.
 */
export function listGroups(profile: Profile): string[] {
  const access = profile['access_information'] as AttributeGroup // a group of every profile
  const groups = publisherNames.flatMap((publisher) => {
    const entries = Object.entries(access[publisher]?.values ?? {})
    if (publisher === 'ldap') return entries.map(([name]) => name)
    return entries
      .filter(([, content]) => publisher !== 'hris' || content === null)
      .map(([name]) => `${publisher}_${name}`)
  })
  return groups.toSorted()
}
