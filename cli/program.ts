import { Command, CommanderError } from 'commander'
import { readVersion } from '../config/version.ts'
import { isAppError } from '../core/errors.ts'
import { registerApiCommand } from './api.ts'
import { registerApproveCommand } from './approve.ts'
import { registerAuditCommand } from './audit.ts'
import { registerChangeCommand } from './change.ts'
import { registerDemoCommand } from './demo.ts'
import { registerDoctorCommand } from './doctor.ts'
import { registerKeysCommand } from './keys.ts'
import { registerMigrateCommand } from './migrate.ts'
import { registerProfileCommand } from './profile.ts'
import { registerSampleCommand } from './sample.ts'
import { registerProviderCommand } from './provider.ts'
import { registerPublisherCommand } from './publisher.ts'
import { registerSeatCommand } from './seat.ts'
import { registerSecretCommand } from './secret.ts'
import { registerSinkCommand } from './sink.ts'
import { registerSyncCommand } from './sync.ts'
import { describeSystemError } from './system-error.ts'
import { registerTokenCommand } from './token.ts'
import { registerUpCommand } from './up.ts'
import { registerUploadCommand } from './upload.ts'
import { registerUserCommand } from './user.ts'
import { registerWorkerCommand } from './worker.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

// One line a command; each file in cli/ says what its command takes and does.
const REGISTRATIONS: readonly ((program: Command) => void)[] = [
  registerUpCommand,
  registerDemoCommand,
  registerApiCommand,
  registerWorkerCommand,
  registerMigrateCommand,
  registerUploadCommand,
  registerProfileCommand,
  registerChangeCommand,
  registerApproveCommand,
  registerTokenCommand,
  registerUserCommand,
  registerAuditCommand,
  registerKeysCommand,
  registerDoctorCommand,
  registerSampleCommand,
  registerPublisherCommand,
  registerSinkCommand,
  registerSecretCommand,
  registerProviderCommand,
  registerSyncCommand,
  registerSeatCommand,
]

/**
 * Runs the command line and returns its exit code: what the command set, 0 unless it did; 1 when it
 * failed; 2 on wrong usage, with the reason on stderr and nothing on stdout.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = createProgram()
  try {
    await program.parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    process.stderr.write(`error: ${describeFailure(error)}\n`)
    return EXIT_FAILED
  }
}

/** The program with every command. */
export function createProgram(): Command {
  const program = new Command('registrar')
    .description("Keeps people's records right in every system that holds them")
    .version(readVersion())
    .exitOverride()
    .showHelpAfterError('(add --help for what it takes)')
    .allowExcessArguments(false)
  for (const register of REGISTRATIONS) register(program)
  return program
}

function describeFailure(error: unknown): string {
  if (isAppError(error)) return error.message
  const refusal = describeSystemError(error)
  if (refusal !== undefined) return refusal
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
