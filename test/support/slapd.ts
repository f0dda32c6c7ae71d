import { execFile, spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'ldapts'
import { findFreePort } from '../../cli/embedded/ports.ts'
import { createCertificate } from './certificate.ts'
import { waitUntil } from './polling.ts'

const PROGRAM = '/usr/sbin/slapd'
const SCHEMAS = '/etc/ldap/schema'
const MODULES = '/usr/lib/ldap'
const PASSWORD = 'directory-secret'

const run = promisify(execFile)

export type SlapdProgram = { readonly path: string } | { readonly missing: string }

export type TestSlapd = {
  readonly url: string
  readonly tlsUrl: string
  /** PEM of the certificate that the directory shows. */
  readonly caFile: string
  readonly baseDn: string
  readonly bindDn: string
  readonly bindPassword: string
  /** A bound client; the caller unbinds it. */
  readonly connect: () => Promise<Client>
  readonly kill: () => void
  readonly start: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Debian's slapd: what is installed, or installed now where apt and the right to do so are there. */
export async function findSlapd(): Promise<SlapdProgram> {
  if (await isThere(PROGRAM)) return { path: PROGRAM }
  if (process.getuid?.() !== 0) return { missing: 'slapd is not installed: apt-get install slapd' }
  try {
    // RUNLEVEL keeps the package from starting a service of its own.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    await run('apt-get', ['update', '-qq'], { env })
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'slapd'], { env })
    return { path: PROGRAM }
  } catch (error) {
    return { missing: `apt-get could not install slapd: ${String(error).slice(0, 200)}` }
  }
}

/** A directory of its own on free ports, with people, inactive people and groups, LDAPS and StartTLS. */
export async function startSlapd(path: string): Promise<TestSlapd> {
  const directory = await mkdtemp(join(tmpdir(), 'registrar-slapd-'))
  const [port, tlsPort] = [await findFreePort(), await findFreePort()]
  const baseDn = 'dc=example,dc=com'
  const bindDn = `cn=admin,${baseDn}`
  const caFile = join(directory, 'cert.pem')
  const { cert, key } = await createCertificate('localhost')
  await writeFile(caFile, cert)
  await writeFile(join(directory, 'key.pem'), key)
  await mkdir(join(directory, 'data'))
  await writeFile(join(directory, 'keys.schema'), KEYS_SCHEMA)
  await writeFile(join(directory, 'slapd.conf'), createConfig({ directory, baseDn, bindDn }))
  const [url, tlsUrl] = [`ldap://localhost:${port}`, `ldaps://localhost:${tlsPort}`]
  let child = launch()
  function launch(): ReturnType<typeof spawn> {
    const addresses = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/`
    return spawn(path, ['-d', '0', '-f', join(directory, 'slapd.conf'), '-h', addresses], {
      stdio: 'ignore',
    })
  }
  const connect = async (): Promise<Client> => {
    const client = new Client({ url, connectTimeout: 10_000, timeout: 30_000 })
    await client.bind(bindDn, PASSWORD)
    return client
  }
  const waitForAnswer = async (): Promise<void> =>
    await waitUntil('slapd answers', async () => {
      try {
        await (await connect()).unbind()
        return true
      } catch {
        return false
      }
    })
  await waitForAnswer()
  await addContainers(await connect(), baseDn)
  return {
    url,
    tlsUrl,
    caFile,
    baseDn,
    bindDn,
    bindPassword: PASSWORD,
    connect,
    kill: () => void child.kill('SIGKILL'),
    async start() {
      child = launch()
      await waitForAnswer()
    },
    async close() {
      const ended = new Promise((done) => child.once('exit', done))
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function addContainers(client: Client, baseDn: string): Promise<void> {
  await client.add(baseDn, {
    objectClass: ['dcObject', 'organization'],
    dc: 'example',
    o: 'Example',
  })
  for (const ou of ['people', 'inactive', 'groups']) {
    await client.add(`ou=${ou},${baseDn}`, { objectClass: ['organizationalUnit'], ou })
  }
  await client.unbind()
}

type ConfigOptions = {
  readonly directory: string
  readonly baseDn: string
  readonly bindDn: string
}

function createConfig({ directory, baseDn, bindDn }: ConfigOptions): string {
  const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `${SCHEMAS}/${name}.schema`)
  return [
    ...[...schemas, join(directory, 'keys.schema')].map((file) => `include ${file}`),
    `modulepath ${MODULES}`,
    'moduleload back_mdb',
    `TLSCertificateFile ${join(directory, 'cert.pem')}`,
    `TLSCertificateKeyFile ${join(directory, 'key.pem')}`,
    'database mdb',
    `suffix "${baseDn}"`,
    `rootdn "${bindDn}"`,
    `rootpw ${PASSWORD}`,
    `directory ${join(directory, 'data')}`,
    'dbnosync',
    '',
  ].join('\n')
}

// As of openssh-lpk, which distributions do not ship.
const KEYS_SCHEMA = `attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey'
  DESC 'An OpenSSH public key' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY
  DESC 'OpenSSH public keys' MAY ( sshPublicKey $ uid ) )
`

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
