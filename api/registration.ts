import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../core/errors.ts'
import type { OpenedApproval } from '../db/approval/open.ts'
import { withTransaction, type Transaction } from '../db/client.ts'
import { openRegistration } from '../db/user/registrations.ts'
import type { ApiContext } from './context.ts'
import type { Reply } from './guard.ts'

export type RegisterRequest = {
  readonly login: string
  readonly email: string
  readonly password: string
  readonly requestId: string
  readonly traceparent: string | undefined
}

// Longer than looking somebody up and opening an approval take together.
const EVEN_MS = 100

/**
 * Registers somebody and answers with what `toReply` makes of it, in the same transaction. Throws
 * `registration_refused` (409) for whatever reason; that takes as long as a success.
 */
export async function register(
  context: Pick<ApiContext, 'db' | 'passwords' | 'handOver'>,
  { password, ...person }: RegisterRequest,
  toReply: (tx: Transaction, opened: OpenedApproval) => Promise<Reply>,
): Promise<Reply> {
  const passwordHash = await context.passwords.hash(password)
  return await takeAtLeast(EVEN_MS, async () => {
    const { reply, queued } = await withTransaction(context.db, async (tx) => {
      const opened = (await openRegistration(tx, { ...person, passwordHash })) ?? throwRefused()
      return { reply: await toReply(tx, opened), queued: opened.queued }
    })
    // Not awaited: the relay takes what Temporal does not.
    for (const { id, start } of queued) void context.handOver(id, start)
    return reply
  })
}

// However it ends, it ends no earlier.
async function takeAtLeast<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const time = delay(ms)
  try {
    return await work()
  } finally {
    await time
  }
}

function throwRefused(): never {
  throw new AppError(
    'registration_refused',
    'Cannot register: no person with this login and e-mail address may do so now',
    { status: 409 },
  )
}
