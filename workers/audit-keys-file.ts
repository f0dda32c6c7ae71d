import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { Ed25519Jwk } from '../crypto/ed25519.ts'

const NAME = 'audit-keys.jwks.json'

// Other keys may stand in the file of another machine: they are kept and never used.
const jwksSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

/** A JWKS (RFC 7517) as read: its keys are judged by whoever uses them. */
export type JwksDocument = z.infer<typeof jwksSchema>

/** Where a data directory keeps the public keys of seals. */
export function auditKeysPath(dataDir: string): string {
  return join(dataDir, NAME)
}

/** Reads a JWKS file; undefined where there is none, `invalid_jwks` for anything else in its place. */
export async function findJwks(path: string): Promise<JwksDocument | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'EISDIR') throw error
  })
  return text === undefined ? undefined : parseJwks(path, text)
}

/** Adds keys to the file of a data directory, so that exports are verified when a key has left the ring. */
export async function keepAuditKeys(dataDir: string, keys: readonly Ed25519Jwk[]): Promise<void> {
  const path = auditKeysPath(dataDir)
  const known = (await findJwks(path))?.keys ?? []
  const missing = keys.filter((key) => !known.some((other) => isSameKey(key, other)))
  if (missing.length === 0) return
  const kept = known.filter((other) => !missing.some((key) => key.kid === other['kid']))
  await mkdir(dirname(path), { recursive: true })
  // Renamed into place: a reader never sees half a file.
  const draft = `${path}.${process.pid}`
  await writeFile(draft, `${JSON.stringify({ keys: [...kept, ...missing] }, null, 2)}\n`)
  await rename(draft, path)
}

function isSameKey(key: Ed25519Jwk, other: Readonly<Record<string, unknown>>): boolean {
  return other['kid'] === key.kid && other['x'] === key.x
}

function parseJwks(path: string, text: string): JwksDocument {
  try {
    return jwksSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid_jwks', `Cannot read keys from "${path}": it is no JWKS`, {
      status: 400,
      cause,
    })
  }
}
