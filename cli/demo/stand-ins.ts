import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createAuth0Sink,
  createDirectorySink,
  createReceiverSink,
  createReplicaSink,
  type DemoSink,
} from './sinks.ts'
import { startDemoAuth0 } from './stand-ins/auth0.ts'
import { startDemoHris, type DemoHris } from './stand-ins/hris.ts'
import { findExisting } from './stand-ins/places.ts'
import { slapdPlaces, startDemoDirectory } from './stand-ins/slapd.ts'
import { startDemoReceiver } from './stand-ins/webhook-receiver.ts'

/** The sinks and the source of a Registrar that the demo starts, and what it stands in for them. */
export type StandIns = {
  readonly sinks: readonly DemoSink[]
  /** Sinks that cannot be had on this machine, and why. */
  readonly missing: readonly MissingSink[]
  /** `SINKS_FILE`, `SOURCES_FILE`, and the secrets that they name. */
  readonly env: Readonly<Record<string, string>>
  /** The one that can be taken down. */
  readonly fragile: { readonly name: string; readonly setDown: (isDown: boolean) => void }
  /** A report that persons are pulled from; undefined where the sources are configured ones. */
  readonly source: DemoSource | undefined
  readonly close: () => Promise<void>
}

export type DemoSource = Pick<DemoHris, 'setReport'> & { readonly name: string }

export type MissingSink = { readonly name: string; readonly reason: string }

export type StandInsOptions = {
  /** Where `SINKS_FILE` and the directory's data are kept. */
  readonly directory: string
  /** Whether webhooks may go to this machine. */
  readonly allowPrivateTargets: boolean
  /** Whether `SOURCES_FILE` is the demo's too. */
  readonly withSource: boolean
  /** Where slapd may be installed. */
  readonly slapdPlaces?: readonly string[]
}

type Opened = { readonly sink: DemoSink; readonly close: () => Promise<void> }

/** Starts them all on free ports of loopback and writes the settings that name them. */
export async function startStandIns(options: StandInsOptions): Promise<StandIns> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  const auth0 = await startDemoAuth0()
  const auth0Sink = createAuth0Sink(auth0)
  const tried = [await openDirectory(options), await openReceiver(options)]
  const opened = tried.flatMap((one) => ('sink' in one ? [one] : []))
  const missing = tried.flatMap((one) => ('reason' in one ? [one] : []))
  const sinks = [...opened.map(({ sink }) => sink), createReplicaSink(), auth0Sink]
  const sinksFile = join(options.directory, 'sinks.json')
  const entries = sinks.map(({ name, entry }) => ({ name, ...entry }))
  await writeFile(sinksFile, `${JSON.stringify(entries, null, 2)}\n`, { mode: 0o600 })
  const source = options.withSource ? await openSource(options) : undefined
  const secrets = sinks.flatMap(({ env }) => Object.entries(env))
  return {
    sinks,
    missing,
    env: { SINKS_FILE: sinksFile, ...Object.fromEntries(secrets), ...source?.env },
    source: source?.source,
    fragile: { name: auth0Sink.name, setDown: auth0.setDown },
    async close() {
      const all = [auth0, ...opened, ...(source ? [source] : [])]
      await Promise.all(all.map(async ({ close }) => await close()))
    },
  }
}

type OpenedSource = {
  readonly source: DemoSource
  readonly env: Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

// Each run's source has a name of its own: nobody whom an earlier run pulled leaves by it.
async function openSource({ directory }: StandInsOptions): Promise<OpenedSource> {
  const { url, user, password, setReport, close } = await startDemoHris()
  const name = `demo-staff-${randomBytes(4).toString('hex')}`
  const secret = { env: 'DEMO_HRIS_PASSWORD' }
  const entry = { name, kind: 'hris', publisher: 'hris', url, user, password: secret }
  const file = join(directory, 'sources.json')
  await writeFile(file, `${JSON.stringify([entry], null, 2)}\n`, { mode: 0o600 })
  const env = { SOURCES_FILE: file, DEMO_HRIS_PASSWORD: password }
  return { source: { name, setReport }, env, close }
}

async function openDirectory(options: StandInsOptions): Promise<Opened | MissingSink> {
  const name = 'directory'
  const program = await findExisting(options.slapdPlaces ?? slapdPlaces)
  if (program === undefined) {
    return { name, reason: 'slapd is not installed (Debian, Ubuntu: apt-get install slapd)' }
  }
  try {
    const directory = await startDemoDirectory(program, join(options.directory, 'slapd'))
    return { sink: createDirectorySink(directory), close: directory.close }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { name, reason: `slapd is installed at ${program}, but does not start: ${why}` }
  }
}

async function openReceiver(options: StandInsOptions): Promise<Opened | MissingSink> {
  if (!options.allowPrivateTargets) {
    return { name: 'partner', reason: 'ALLOW_PRIVATE_TARGETS=false lets no webhook come here' }
  }
  const receiver = await startDemoReceiver()
  return { sink: createReceiverSink(receiver), close: receiver.close }
}
