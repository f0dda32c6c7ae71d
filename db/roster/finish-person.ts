/**
 * A person in these columns as the account is to have them: with the name, and with the school's
 * where there is one. What the person had of both before is void.
 */
export function finishPerson(person: string, name: string, school: string): string {
  return `case when ${school} is null
    then (${person} #- '{enterprise,division}') || jsonb_build_object('userName', ${name})
    else ${person} || jsonb_build_object('userName', ${name}, 'enterprise',
      (${person} -> 'enterprise') || jsonb_build_object('division', ${school})) end`
}
