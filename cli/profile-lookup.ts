import { AppError, isAppError } from '../core/errors.ts'
import { findAttribute, type Profile } from '../core/profile/document.ts'
import type { ApiClient } from './client.ts'

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * The person with this user id, uuid, e-mail address or username, active or not, as the token sees
 * them; throws `profile_not_found`.
 */
export async function findPersonByAnyKey(client: ApiClient, id: string): Promise<Profile> {
  const [first, ...others] = listKeys(id)
  try {
    return await readPerson(client, first, id)
  } catch (error) {
    const other = others[0]
    if (other === undefined || !isAppError(error, 'profile_not_found')) throw error
    return await readPerson(client, other, id)
  }
}

/** The uuid of a person; one that is given is taken as it is, since deleted persons have one too. */
export async function findUuid(client: ApiClient, id: string): Promise<string> {
  if (UUID.test(id)) return id
  const uuid = findAttribute(await findPersonByAnyKey(client, id), 'uuid')?.value
  if (typeof uuid === 'string') return uuid
  throw new AppError('unexpected_answer', 'Cannot go on: the API shows no uuid of the person', {
    status: 500,
    expose: true,
  })
}

// By its shape; anything may be a username or a user id.
function listKeys(id: string): readonly [string, ...string[]] {
  if (id.includes('|')) return ['user_id']
  if (UUID.test(id)) return ['uuid', 'user_id']
  if (id.includes('@')) return ['primary_email', 'primary_username']
  return ['primary_username', 'user_id']
}

async function readPerson(client: ApiClient, key: string, id: string): Promise<Profile> {
  const path = `/v2/user/${key}/${encodeURIComponent(id)}?active=any`
  return (await client.sendForJson({ method: 'GET', path })) as Profile // what the API promises
}
