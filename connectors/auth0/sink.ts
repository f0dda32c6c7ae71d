import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { isSameJson } from '../../core/profile/change.ts'
import { findAttribute } from '../../core/profile/document.ts'
import { filterProfile } from '../../core/profile/filter.ts'
import { listGroups } from '../../core/profile/groups.ts'
import type { ProfileSink, SinkDelivery } from '../../core/profile/sink.ts'
import { createAuth0Management, type Auth0Management, type Auth0Options } from './management.ts'

export type Auth0SinkOptions = Auth0Options & {
  readonly name: string
  /** Whether persons whom Auth0 does not know are made there, and in which connection: else their own. */
  readonly create: boolean
  readonly connection?: string | undefined
  /** What relying parties that read it there may see. */
  readonly scopes: ReadonlySet<string>
}

type Metadata = {
  readonly user_metadata: { readonly profile: unknown; readonly existsInCIS: boolean }
  readonly app_metadata: { readonly groups: readonly string[]; readonly serial: number }
}

// Tenants keep whatever they like beside what is ours.
const userAnswer = z.looseObject({
  user_metadata: z
    .looseObject({ profile: z.unknown().optional(), existsInCIS: z.unknown().optional() })
    .nullish(),
  app_metadata: z
    .looseObject({ serial: z.number().nullish(), groups: z.unknown().optional() })
    .nullish(),
})
type User = z.output<typeof userAnswer>

/**
 * Auth0 as a sink: a person's filtered profile, groups and serial in the metadata of their user. A
 * deleted person's user stays, marked as no longer known. A person whom Auth0 does not know is
 * `unknown_user`, for good, unless users are to be made.
 */
export function createAuth0Sink(options: Auth0SinkOptions): ProfileSink {
  const management = createAuth0Management(options)
  return {
    name: options.name,
    kind: 'auth0',
    async deliver(delivery, signal) {
      const wanted = toMetadata(delivery, options.scopes)
      const before = await findUser(management, delivery.userId, signal)
      if (!before && delivery.isDeleted) return { state: 'succeeded', wrote: false }
      const serial = before?.app_metadata?.serial ?? 0
      if (serial > delivery.serial) return { state: 'superseded' }
      if (before && isAsItShould(before, wanted)) return { state: 'succeeded', wrote: false }
      if (before) await patchUser(management, { delivery, wanted, signal })
      else await createUser(management, options, { delivery, wanted, signal })
      return await readBack(management, { delivery, wanted, signal })
    },
    async compare(delivery, signal) {
      const wanted = toMetadata(delivery, options.scopes)
      const user = await findUser(management, delivery.userId, signal)
      if (delivery.isDeleted) return !user || isAsItShould(user, wanted) ? 'same' : 'extra'
      if (!user) return 'missing'
      return isAsItShould(user, wanted) ? 'same' : 'different'
    },
    close: async () => await Promise.resolve(),
  }
}

type Write = {
  readonly delivery: SinkDelivery
  readonly wanted: Metadata
  readonly signal: AbortSignal
}

function toMetadata(delivery: SinkDelivery, scopes: ReadonlySet<string>): Metadata {
  const { profile, isDeleted, serial } = delivery
  if (isDeleted) {
    return {
      user_metadata: { profile: null, existsInCIS: false },
      app_metadata: { groups: [], serial },
    }
  }
  const visible = filterProfile(profile, { scopes })
  return {
    user_metadata: { profile: visible, existsInCIS: true },
    app_metadata: { groups: listGroups(visible), serial },
  }
}

function isAsItShould(user: User, wanted: Metadata): boolean {
  const { user_metadata: own, app_metadata: app } = user
  return (
    app?.serial === wanted.app_metadata.serial &&
    isSameJson(app.groups, wanted.app_metadata.groups) &&
    own?.existsInCIS === wanted.user_metadata.existsInCIS &&
    isSameJson(own.profile ?? null, wanted.user_metadata.profile)
  )
}

async function findUser(
  management: Auth0Management,
  userId: string,
  signal: AbortSignal,
): Promise<User | undefined> {
  const path = pathOf(userId)
  const answer = await management.call({ method: 'GET', path, signal })
  return answer === undefined ? undefined : userAnswer.parse(answer)
}

async function patchUser(management: Auth0Management, write: Write): Promise<void> {
  const path = pathOf(write.delivery.userId)
  const { wanted: body, signal } = write
  const answer = await management.call({ method: 'PATCH', path, body, signal })
  if (answer === undefined) throwUnknown()
}

async function createUser(
  management: Auth0Management,
  { create, connection }: Auth0SinkOptions,
  { delivery, wanted, signal }: Write,
): Promise<void> {
  if (!create) throwUnknown()
  const { userId, profile } = delivery
  const body = {
    connection: connection ?? findConnection(delivery),
    // The strategy before it is the connection's.
    user_id: userId.slice(userId.indexOf('|') + 1),
    email: findAttribute(profile, 'primary_email')?.value ?? undefined,
    email_verified: true,
    ...wanted,
  }
  await management.call({ method: 'POST', path: '/users', body, signal })
}

// As login methods are named, and as user ids are made.
function findConnection({ userId, profile }: SinkDelivery): string {
  const method = findAttribute(profile, 'login_method')?.value
  if (typeof method === 'string' && method !== '') return method
  return userId.split('|').at(-2) ?? userId
}

async function readBack(
  management: Auth0Management,
  { delivery, wanted, signal }: Write,
): ReturnType<ProfileSink['deliver']> {
  const after = await findUser(management, delivery.userId, signal)
  if (after && isAsItShould(after, wanted)) return { state: 'succeeded', wrote: true }
  if ((after?.app_metadata?.serial ?? 0) > delivery.serial) return { state: 'superseded' }
  throw new AppError('not_read_back', 'Cannot read back from Auth0 what was written', {
    status: 502,
  })
}

function pathOf(userId: string): string {
  return `/users/${encodeURIComponent(userId)}`
}

function throwUnknown(): never {
  throw new AppError('unknown_user', 'Cannot write to Auth0: it does not know the person', {
    status: 404,
  })
}
