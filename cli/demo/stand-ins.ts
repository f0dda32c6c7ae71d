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
import { findExisting } from './stand-ins/places.ts'
import { slapdPlaces, startDemoDirectory } from './stand-ins/slapd.ts'
import { startDemoReceiver } from './stand-ins/webhook-receiver.ts'

/** The sinks of a Registrar that the demo starts, and what it stands in for so that there are some. */
export type StandIns = {
  readonly sinks: readonly DemoSink[]
  /** Sinks that cannot be had on this machine, and why. */
  readonly missing: readonly MissingSink[]
  /** `SINKS_FILE`, and the secrets that it names. */
  readonly env: Readonly<Record<string, string>>
  /** The one that can be taken down. */
  readonly fragile: { readonly name: string; readonly setDown: (isDown: boolean) => void }
  readonly close: () => Promise<void>
}

export type MissingSink = { readonly name: string; readonly reason: string }

export type StandInsOptions = {
  /** Where `SINKS_FILE` and the directory's data are kept. */
  readonly directory: string
  /** Whether webhooks may go to this machine. */
  readonly allowPrivateTargets: boolean
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
  return {
    sinks,
    missing,
    env: Object.assign({ SINKS_FILE: sinksFile }, ...sinks.map(({ env }) => env)) as Record<
      string,
      string
    >, // of texts alone
    fragile: { name: auth0Sink.name, setDown: auth0.setDown },
    async close() {
      await Promise.all([auth0, ...opened].map(async ({ close }) => await close()))
    },
  }
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
