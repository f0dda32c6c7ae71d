import { Command, CommanderError } from 'commander'
import { readVersion } from '../config/version.ts'
import { isAppError } from '../core/errors.ts'
import { describeSystemError } from './system-error.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

type Register = (program: Command) => void

// One line a command; each file in cli/ says what its command takes and does, and what only other
// commands need is not loaded for it.
const REGISTRATIONS: Readonly<Record<string, () => Promise<Register>>> = {
  up: async () => (await import('./up.ts')).registerUpCommand,
  demo: async () => (await import('./demo.ts')).registerDemoCommand,
  api: async () => (await import('./api.ts')).registerApiCommand,
  worker: async () => (await import('./worker.ts')).registerWorkerCommand,
  migrate: async () => (await import('./migrate.ts')).registerMigrateCommand,
  upload: async () => (await import('./upload.ts')).registerUploadCommand,
  profile: async () => (await import('./profile.ts')).registerProfileCommand,
  change: async () => (await import('./change.ts')).registerChangeCommand,
  approve: async () => (await import('./approve.ts')).registerApproveCommand,
  token: async () => (await import('./token.ts')).registerTokenCommand,
  user: async () => (await import('./user.ts')).registerUserCommand,
  audit: async () => (await import('./audit.ts')).registerAuditCommand,
  keys: async () => (await import('./keys.ts')).registerKeysCommand,
  doctor: async () => (await import('./doctor.ts')).registerDoctorCommand,
  sample: async () => (await import('./sample.ts')).registerSampleCommand,
  publisher: async () => (await import('./publisher.ts')).registerPublisherCommand,
  sink: async () => (await import('./sink.ts')).registerSinkCommand,
  secret: async () => (await import('./secret.ts')).registerSecretCommand,
  provider: async () => (await import('./provider.ts')).registerProviderCommand,
  sync: async () => (await import('./sync.ts')).registerSyncCommand,
  seat: async () => (await import('./seat.ts')).registerSeatCommand,
}

/**
 * Runs the command line and returns its exit code: what the command set, 0 unless it did; 1 when it
 * failed; 2 on wrong usage, with the reason on stderr and nothing on stdout.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = await createProgram(argv[2])
  try {
    await program.parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    process.stderr.write(`error: ${describeFailure(error)}\n`)
    return EXIT_FAILED
  }
}

/** The program with this command, or with every one where none is called so. */
export async function createProgram(name?: string): Promise<Command> {
  const program = new Command('registrar')
    .description("Keeps people's records right in every system that holds them")
    .version(readVersion())
    .exitOverride()
    .showHelpAfterError('(add --help for what it takes)')
    .allowExcessArguments(false)
  for (const load of listRegistrations(name)) {
    const register = await load()
    register(program)
  }
  return program
}

function listRegistrations(name: string | undefined): (() => Promise<Register>)[] {
  const own =
    name === undefined ? [] : Object.entries(REGISTRATIONS).filter(([key]) => key === name)
  return own.length > 0 ? own.map(([, load]) => load) : Object.values(REGISTRATIONS)
}

function describeFailure(error: unknown): string {
  if (isAppError(error)) return error.message
  const refusal = describeSystemError(error)
  if (refusal !== undefined) return refusal
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
