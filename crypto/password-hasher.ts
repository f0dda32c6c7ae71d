import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { AppError } from '../core/errors.ts'
import { normalizePassword } from '../core/user/password.ts'

export type PasswordHasher = {
  /** The Argon2id hash (RFC 9106) of a password, as a PHC string. */
  readonly hash: (password: string) => Promise<string>
  /** True when the password is the one that was hashed; without a hash false, at the same cost. */
  readonly verify: (password: string, hashed: string | undefined) => Promise<boolean>
}

export type HasherLimits = {
  /** How many run at once; each takes 46 MiB. */
  readonly running: number
  /** How many wait their turn; what comes then is refused. */
  readonly waiting: number
}

/** What passwords are hashed with: OWASP's first choice. The library's default algorithm is Argon2id. */
export const argon2Options = { memoryCost: 46 * 1024, timeCost: 1, parallelism: 1 } as const

// Of libuv's four threads one is left for all else that needs one: names, files, signatures.
const MAX_RUNNING = 3
const MAX_WAITING = 200
const RETRY_AFTER_SECONDS = 2
const SALT_BYTES = 16
const HASH_BYTES = 32

/**
 * Creates a hasher of passwords whose use of memory and processors is bounded. Throws `hasher_busy`
 * (503) once too many wait.
 */
export function createPasswordHasher(
  limits: HasherLimits = {
    running: Math.min(MAX_RUNNING, availableParallelism()),
    waiting: MAX_WAITING,
  },
): PasswordHasher {
  const run = createTurnstile(limits)
  // Well formed, and of no password that anybody knows.
  const nobody = createUnknownHash()
  return {
    hash: async (password) =>
      await run(async () => await hash(normalizePassword(password), argon2Options)),
    async verify(password, hashed) {
      const isRight = await run(
        async () => await verify(hashed ?? nobody, normalizePassword(password)),
      )
      return isRight && hashed !== undefined
    },
  }
}

function createTurnstile({
  running,
  waiting,
}: HasherLimits): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = []
  let inside = 0
  return async (work) => {
    if (inside < running) inside += 1
    else {
      if (queue.length >= waiting) throwBusy()
      await new Promise<void>((go) => queue.push(go))
    }
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else inside -= 1
    }
  }
}

function createUnknownHash(): string {
  const { memoryCost, timeCost, parallelism } = argon2Options
  const [salt, digest] = [SALT_BYTES, HASH_BYTES].map((size) =>
    randomBytes(size).toString('base64').replaceAll('=', ''),
  )
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${salt}$${digest}`
}

function throwBusy(): never {
  throw new AppError(
    'hasher_busy',
    'Cannot check passwords now: too many wait; try again shortly',
    {
      status: 503,
      expose: true,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    },
  )
}
