import { readFile } from 'node:fs/promises'
import { Client, ResultCodeError } from 'ldapts'
import { AppError } from '../../core/errors.ts'

export type LdapOptions = {
  /** `ldap://` or `ldaps://`. */
  readonly url: string
  readonly startTls: boolean
  /** PEM of the authority that the directory's certificate is verified with; the system's unless said. */
  readonly caFile?: string | undefined
  readonly bindDn: string
  readonly bindPassword: string
}

export type LdapConnection = {
  /** Works with a bound connection, made on first use and again after it broke; throws AppErrors. */
  readonly use: <T>(work: (client: Client) => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

/** RFC 4511 appendix A. */
export const ldapCodes = {
  typeOrValueExists: 20,
  noSuchAttribute: 16,
  noSuchObject: 32,
  objectClassViolation: 65,
  entryAlreadyExists: 68,
} as const

const TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 5_000
// The person's data, not the directory's state, is the reason: trying again changes nothing.
const FINAL_CODES: ReadonlySet<number> = new Set([17, 18, 19, 21, 34, 36, 64, 65, 66, 67, 69])
const CREDENTIAL_CODES: ReadonlySet<number> = new Set([8, 13, 48, 49, 50])

/** A connection to a directory, TLS verified wherever it is used. */
export function createLdapConnection(options: LdapOptions): LdapConnection {
  let open: Promise<Client> | undefined
  const getClient = async (): Promise<Client> => {
    const known = await open?.catch(() => undefined)
    if (known?.isConnected) return known
    open = connect(options)
    return await open
  }
  return {
    async use(work) {
      try {
        return await work(await getClient())
      } catch (error) {
        throw toLdapError(error)
      }
    },
    async close() {
      const client = await open?.catch(() => undefined)
      open = undefined
      if (client?.isConnected) await client.unbind().catch(() => {})
    },
  }
}

/** The result code of a directory's answer; undefined for every other error. */
export function ldapCodeOf(error: unknown): number | undefined {
  return error instanceof ResultCodeError ? error.code : undefined
}

async function connect(options: LdapOptions): Promise<Client> {
  const { url, startTls, caFile, bindDn, bindPassword } = options
  const tlsOptions = {
    minVersion: 'TLSv1.2' as const,
    ...(caFile === undefined ? {} : { ca: [await readFile(caFile)] }),
  }
  const client = new Client({
    url,
    timeout: TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(url.startsWith('ldaps:') ? { tlsOptions } : {}),
  })
  try {
    if (startTls) await client.startTLS({ ...tlsOptions, host: new URL(url).hostname })
    await client.bind(bindDn, bindPassword)
    return client
  } catch (error) {
    await client.unbind().catch(() => {})
    throw error
  }
}

function toLdapError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = ldapCodeOf(error)
  if (code === undefined) {
    return new AppError('directory_unreachable', 'Cannot reach the directory', {
      status: 502,
      cause: error,
    })
  }
  if (CREDENTIAL_CODES.has(code)) {
    return new AppError(
      'credentials_refused',
      `Cannot write to the directory: it refuses the bind or lacks a right (LDAP ${code})`,
      { status: 502, cause: error },
    )
  }
  return new AppError(`ldap_${code}`, `Cannot write to the directory: it answers LDAP ${code}`, {
    status: FINAL_CODES.has(code) ? 422 : 502,
    cause: error,
  })
}
