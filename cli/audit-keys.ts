import type { Config } from '../config/config.ts'
import { AppError } from '../core/errors.ts'
import { importSealKeys, listRingSealKeys, type SealKeys } from '../crypto/audit-keys.ts'
import { createKeyRing, type KeyRing } from '../crypto/key-ring.ts'
import { listSealKeys } from '../db/audit/keys.ts'
import type { Queryable } from '../db/client.ts'
import { auditKeysPath, findJwks } from '../workers/audit-keys-file.ts'
import { throwNotFound } from './audit-file.ts'

type KeyConfig = Pick<Config, 'dataDir' | 'keyRing'>

/** The keys of a JWKS file; throws `file_not_found` or `invalid_jwks`. */
export async function loadSealKeys(path: string): Promise<SealKeys> {
  const jwks = await findJwks(path)
  return importSealKeys((jwks ?? throwNotFound(path)).keys)
}

/** The keys by which this machine checks an export: those in the data directory and of KEY_RING. */
export async function loadKeptSealKeys({ dataDir, keyRing }: KeyConfig): Promise<SealKeys> {
  const path = auditKeysPath(dataDir)
  const kept = (await findJwks(path))?.keys ?? []
  const own = keyRing ? listRingSealKeys(createKeyRing(keyRing)) : []
  if (kept.length + own.length > 0) return importSealKeys([...kept, ...own])
  throw new AppError(
    'no_seal_keys',
    `Cannot check the export: there are no keys in "${path}"; copy that file from the machine that sealed the log and name it with --keys`,
    { status: 400 },
  )
}

/** The keys by which a living log is checked: what the ring stands for, and those in the data directory. */
export async function loadDatabaseSealKeys(
  db: Queryable,
  { ring, dataDir }: { readonly ring: KeyRing; readonly dataDir: string },
): Promise<SealKeys> {
  const kept = (await findJwks(auditKeysPath(dataDir)))?.keys ?? []
  return importSealKeys([...kept, ...(await listSealKeys(db, ring))])
}
