import { randomBytes, randomInt } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../core/errors.ts'
import type { LeafPath } from '../../core/profile/attributes.ts'
import { withAttributes, type PublisherName } from '../../core/profile/document.ts'
import { createAttribute, type AttributeContent } from '../../core/profile/null-profile.ts'
import { createPersonContents } from '../../core/sample/person.ts'
import { submitChange } from '../change-view.ts'
import type { ApiClient } from '../client.ts'
import { signProfile } from '../sign-profile.ts'

export type Contents = Readonly<Record<LeafPath, AttributeContent>>

/** A made-up person of one run of the demo. */
export type MadeUpPerson = {
  readonly userId: string
  readonly email: string
  readonly group: string
  /** As `hris` knows it. */
  readonly title: string
  /** What each publisher knows of them. */
  readonly knownTo: Readonly<Record<'ldap' | 'hris', Contents>>
}

const STRATEGY = 'ad|Mozilla-LDAP'
const OF_DIRECTORY = ['login_method', 'active', 'first_name', 'last_name', 'ssh_public_keys']
const OF_STAFF = ['staff', 'team', 'worker_type'].map((leaf) => `staff_information.${leaf}`)
const TITLE = 'Librarian'
const SAMPLES = 100_000

/** Somebody whom no earlier run has made. */
export function createMadeUpPerson(): MadeUpPerson {
  const sample: Contents = createPersonContents(randomInt(SAMPLES))
  const uid = `demo-${randomBytes(4).toString('hex')}`
  const [userId, email, group] = [`${STRATEGY}|${uid}`, `${uid}@example.com`, 'vpn']
  const identity = { user_id: userId, primary_email: email }
  return {
    userId,
    email,
    group,
    title: TITLE,
    knownTo: {
      ldap: {
        ...identity,
        ...pick(sample, OF_DIRECTORY),
        'access_information.ldap': { [group]: null },
      },
      hris: { ...pick(sample, OF_STAFF), 'staff_information.title': TITLE },
    },
  }
}

export type PublisherChange = {
  readonly publisher: PublisherName
  readonly userId: string
  readonly contents: Contents
  readonly config: Config
}

/** Signs what a publisher says now, sends it and returns its serial. */
export async function publish(client: ApiClient, change: PublisherChange): Promise<number> {
  const { publisher, userId, contents, config } = change
  const now = new Date().toISOString()
  const metadata = { created: now, last_modified: now }
  const attributes = Object.entries(contents).map(
    ([path, content]) => [path, createAttribute(path, content, { publisher, metadata })] as const,
  )
  const body = await signProfile(withAttributes({}, new Map(attributes)), { publisher, config })
  const { sequence_number: serial } = await submitChange(client, body, userId)
  if (serial !== null) return serial
  throw new AppError('nothing_changed', 'The change is answered as if it changed nothing', {
    status: 409,
  })
}

function pick(contents: Contents, paths: readonly LeafPath[]): Contents {
  return Object.fromEntries(Object.entries(contents).filter(([path]) => paths.includes(path)))
}
