import { listGrams, type SearchCondition, type TextAttribute } from '../../core/profile/search.ts'
import type { Queryable } from '../client.ts'
import type { VaultProfile } from './reads.ts'

/** Which persons; all conditions hold. Deleted ones are in no list. */
export type ProfileSearch = {
  /** Undefined: whether active or not. */
  readonly active: boolean | undefined
  /** Whatever its case. */
  readonly primaryEmail?: string | undefined
  /** How they log in, such as `ad` or `oauth2|firefoxaccounts`. */
  readonly connection?: string | undefined
  readonly conditions?: readonly SearchCondition[]
  /** The id at which the page before ended. */
  readonly after: string | undefined
  readonly limit: number
}

/** A person as lists of ids name them. */
export type ListedPerson = {
  readonly id: string
  readonly uuid: string
  readonly userId: string
  readonly primaryEmail: string | null
  readonly active: boolean | null
}

/** At most `limit` persons with their documents, by id. */
export async function listProfiles(
  db: Queryable,
  search: ProfileSearch,
): Promise<(ListedPerson & VaultProfile)[]> {
  const { text, values } = buildSearch(`${PERSON}, document, version`, search)
  const { rows } = await db.query<ListedPerson & VaultProfile>(text, values)
  return rows
}

/** At most `limit` persons without their documents, by id. */
export async function listPersons(db: Queryable, search: ProfileSearch): Promise<ListedPerson[]> {
  const { text, values } = buildSearch(PERSON, search)
  const { rows } = await db.query<ListedPerson>(text, values)
  return rows
}

const textColumns: Readonly<Record<TextAttribute, string>> = {
  'staff_information.cost_center': 'staff_cost_center',
  'staff_information.office_location': 'staff_office_location',
  'staff_information.team': 'staff_team',
  'staff_information.title': 'staff_title',
  'staff_information.worker_type': 'staff_worker_type',
}
// As the index has it.
const TEXT_GRAMS = `profile_text_grams(
  staff_title, staff_team, staff_cost_center, staff_worker_type, staff_office_location)`

const PERSON = `id, uuid, user_id as "userId", primary_email as "primaryEmail", active`

function buildSearch(columns: string, search: ProfileSearch): { text: string; values: unknown[] } {
  const values: unknown[] = [search.limit]
  const bind = (value: unknown, type: string): string => `$${values.push(value)}::${type}`
  const wanted = ['deleted_at is null']
  if (search.active !== undefined) wanted.push(`active = ${bind(search.active, 'boolean')}`)
  if (search.primaryEmail !== undefined)
    wanted.push(`lower(primary_email) = lower(${bind(search.primaryEmail, 'text')})`)
  if (search.connection !== undefined)
    wanted.push(`connection = ${bind(search.connection, 'text')}`)
  if (search.after !== undefined) wanted.push(`id > ${bind(search.after, 'uuid')}`)
  for (const condition of search.conditions ?? []) wanted.push(formatCondition(condition, bind))
  const text = `
    select ${columns}
      from profiles
     where ${wanted.join('\n       and ')}
     order by id
     limit $1::integer`
  return { text, values }
}

function formatCondition(
  condition: SearchCondition,
  bind: (value: unknown, type: string) => string,
): string {
  const { attribute, text, negated } = condition
  const not = negated ? 'not ' : ''
  if (condition.kind === 'contains') {
    const column = textColumns[condition.attribute]
    const contains = `${not}position(${bind(text, 'text')} in coalesce(${column}, '')) > 0`
    // Two tell the planner better how rare a text is than all, which it takes for independent.
    const grams = negated ? [] : listGrams(condition.attribute, text)
    return grams.length === 0
      ? contains
      : `${contains} and ${TEXT_GRAMS} @> ${bind(grams, 'text[]')}`
  }
  const fact = `profile_fact(${bind(attribute, 'text')}, ${bind(text, 'text')})`
  return `${not}facts @> array[${fact}]`
}
