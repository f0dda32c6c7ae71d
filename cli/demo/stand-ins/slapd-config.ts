import { dirname, join } from 'node:path'
import { AppError } from '../../../core/errors.ts'
import { findExisting } from './places.ts'

export type SlapdConfig = {
  /** Its data goes into `data` below it. */
  readonly directory: string
  readonly suffix: string
  readonly rootDn: string
  readonly password: string
}

const SCHEMA_FOLDERS = [
  '/etc/ldap/schema',
  '/etc/openldap/schema',
  '/opt/homebrew/etc/openldap/schema',
  '/usr/local/etc/openldap/schema',
]
const MODULE_FOLDERS = ['/usr/lib/ldap', '/usr/lib64/openldap', '/usr/lib/openldap']
const SCHEMAS = ['core', 'cosine', 'inetorgperson']
const BACKEND = 'back_mdb'

/** A `slapd.conf` with one database; throws `schemas_missing` where the usual schemas are nowhere. */
export async function createSlapdConfig(config: SlapdConfig): Promise<string> {
  const { directory, suffix, rootDn, password } = config
  const schemas = await findFolder(SCHEMA_FOLDERS, `${SCHEMAS[0]}.schema`)
  if (schemas === undefined) {
    throw new AppError('schemas_missing', 'Cannot start slapd: its schemas are not installed', {
      status: 500,
      expose: true,
    })
  }
  // Where there is no module, the backend is part of the server.
  const modules = await findFolder(MODULE_FOLDERS, `${BACKEND}.so`)
  return [
    ...SCHEMAS.map((name) => `include ${join(schemas, `${name}.schema`)}`),
    ...(modules === undefined ? [] : [`modulepath ${modules}`, `moduleload ${BACKEND}`]),
    'database mdb',
    `suffix "${suffix}"`,
    `rootdn "${rootDn}"`,
    `rootpw ${password}`,
    `directory "${join(directory, 'data')}"`,
    'dbnosync',
    '',
  ].join('\n')
}

async function findFolder(folders: readonly string[], file: string): Promise<string | undefined> {
  const found = await findExisting(folders.map((folder) => join(folder, file)))
  return found && dirname(found)
}
