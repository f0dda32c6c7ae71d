import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { withAttributes, type Attribute, type Profile } from '../core/profile/document.ts'
import { createAttribute, createNullProfile } from '../core/profile/null-profile.ts'
import { createPersonContents } from '../core/sample/person.ts'
import { createProfileIds } from '../crypto/profile-ids.ts'

/** One person of a vault, by every key. */
export type VaultKeys = {
  readonly user_id: string
  readonly uuid: string
  readonly primary_email: string
  readonly primary_username: string
}

const SALT = 'bench'
const SIGNATURE_BYTES = 256
const POOL_BYTES = 1 << 20
const nullProfile = createNullProfile()
const noise = randomBytes(POOL_BYTES)

/** The keys of person `index`. */
export function keysOf(index: number): VaultKeys {
  const { user_id } = createPersonContents(index)
  const { uuid, primaryUsername } = createProfileIds(SALT, user_id)
  const primary_email = `person${index}@example.com`
  return { user_id, uuid, primary_email, primary_username: primaryUsername }
}

/** A whole profile whose set attributes carry text as long as a signature by a 2048-bit key. */
export function createSignedPerson(index: number): Profile {
  const { uuid, primary_username } = keysOf(index)
  const contents = { ...createPersonContents(index), uuid, primary_username }
  const attributes = Object.entries(contents).map(([path, content]): [string, Attribute] => [
    path,
    withSignature(createAttribute(path, content), `${index}${path}`.length * 7919 + index),
  ])
  return withAttributes(nullProfile, new Map(attributes))
}

function withSignature(attribute: Attribute, seed: number): Attribute {
  const { signature, ...payload } = attribute
  const start = seed % (POOL_BYTES - SIGNATURE_BYTES)
  const parts = [
    Buffer.from('{"typ":"JWT","alg":"RS256"}'),
    Buffer.from(JSON.stringify(payload)),
    noise.subarray(start, start + SIGNATURE_BYTES),
  ]
  const value = parts.map((part) => part.toString('base64url')).join('.')
  return { ...payload, signature: { ...signature, publisher: { ...signature.publisher, value } } }
}

/** Fills an empty vault with persons 1 to `count` and brings the statistics up to date. */
export async function fillVault(databaseUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const copy = client.query(
      copyFrom(
        `copy profiles (id, user_id, uuid, primary_username, primary_email, active, document,
           version, serial) from stdin`,
      ),
    )
    await pipeline(Readable.from(listLines(count)), copy)
    await client.query('vacuum analyze profiles')
  } finally {
    await client.end()
  }
}

function* listLines(count: number): Generator<string> {
  for (let index = 1; index <= count; index += 1) {
    const { user_id, uuid, primary_username, primary_email } = keysOf(index)
    const document = JSON.stringify(createSignedPerson(index)).replaceAll('\\', '\\\\')
    const row = [randomUUID(), user_id, uuid, primary_username, primary_email, 't', document, 1]
    yield `${[...row, index].join('\t')}\n`
  }
}
