import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'ldapts'
import { findFreePort } from '../../embedded/ports.ts'
import { listProcessesWithArgument, stopChild, stopProcess } from '../../embedded/processes.ts'
import { waitForServer } from '../../embedded/server-start.ts'
import { createSlapdConfig } from './slapd-config.ts'

/** Where distributions and Homebrew install OpenLDAP's server, which is rarely on anybody's PATH. */
export const slapdPlaces: readonly string[] = [
  '/usr/sbin/slapd',
  '/usr/local/sbin/slapd',
  '/usr/libexec/slapd',
  '/usr/local/libexec/slapd',
  '/opt/homebrew/opt/openldap/libexec/slapd',
  '/usr/local/opt/openldap/libexec/slapd',
]

/** A directory of persons and groups, empty at first. */
export type DemoDirectory = {
  readonly url: string
  readonly baseDn: string
  readonly bindDn: string
  readonly bindPassword: string
  /** A bound client; the caller unbinds it. */
  readonly connect: () => Promise<Client>
  readonly close: () => Promise<void>
}

const BASE_DN = 'dc=example,dc=com'
const BIND_DN = `cn=admin,${BASE_DN}`
const START_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 1_000
const STOP = { signal: 'SIGTERM', graceMs: 4_000 } as const

/**
 * Starts a server on loopback whose data is in this folder, made anew; one that a killed demo left
 * running there is stopped first. Throws where it does not start, and then nothing runs.
 */
export async function startDemoDirectory(
  program: string,
  directory: string,
): Promise<DemoDirectory> {
  const configFile = join(directory, 'slapd.conf')
  for (const pid of await listProcessesWithArgument(configFile)) await stopProcess(pid, STOP)
  await rm(directory, { recursive: true, force: true })
  await mkdir(join(directory, 'data'), { recursive: true, mode: 0o700 })
  const bindPassword = randomBytes(24).toString('base64url')
  const config = await createSlapdConfig({
    directory,
    suffix: BASE_DN,
    rootDn: BIND_DN,
    password: bindPassword,
  })
  await writeFile(configFile, config, { mode: 0o600 })
  const url = `ldap://127.0.0.1:${await findFreePort()}`
  const child = spawn(program, ['-d', '0', '-f', configFile, '-h', `${url}/`], {
    // Ctrl-C is for the demo, which stops it once nobody writes to it any more.
    detached: true,
    stdio: 'ignore',
  })
  const connect = async (): Promise<Client> => await open(url, bindPassword)
  const close = async (): Promise<void> => {
    await stopChild(child, STOP)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await waitUntilFilled(child, connect)
  } catch (error) {
    await close()
    throw error
  }
  return { url, baseDn: BASE_DN, bindDn: BIND_DN, bindPassword, connect, close }
}

async function waitUntilFilled(child: ChildProcess, connect: () => Promise<Client>): Promise<void> {
  await waitForServer({
    child,
    check: async () => await (await connect()).unbind(),
    timeoutMs: START_TIMEOUT_MS,
  })
  const client = await connect()
  try {
    const organization = { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' }
    await client.add(BASE_DN, organization)
    for (const ou of ['people', 'groups']) {
      await client.add(`ou=${ou},${BASE_DN}`, { objectClass: ['organizationalUnit'], ou })
    }
  } finally {
    await client.unbind()
  }
}

async function open(url: string, password: string): Promise<Client> {
  const client = new Client({ url, connectTimeout: CONNECT_TIMEOUT_MS })
  try {
    await client.bind(BIND_DN, password)
    return client
  } catch (error) {
    await client.unbind().catch(() => {})
    throw error
  }
}
