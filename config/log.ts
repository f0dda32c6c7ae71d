import { pino, type Logger as PinoLogger } from 'pino'
import pretty from 'pino-pretty'

export type Logger = PinoLogger

export type LoggerOptions = {
  readonly level: string
  /** The process: `up`, `api`, `worker`, … */
  readonly name: string
  /** Lines for people instead of JSON. */
  readonly pretty: boolean
}

const STDERR = 2

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'apiKey',
  'databaseUrl',
  'ssn',
  'npi',
  'givenName',
  'middleName',
  'familyName',
  'dateOfBirth',
  'emailAddress',
  'phoneNumber',
  'homeAddressStreet1',
  'homeAddressStreet2',
]

/** Makes the process's logger: JSON lines on stderr, with secrets and personal fields blacked out up to three levels deep. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.pretty
    ? pretty({ destination: STDERR, sync: true, ignore: 'pid,hostname', colorize: true })
    : pino.destination({ dest: STDERR, sync: true })
  // A reader that went away must not end the service.
  destination.on('error', () => {})
  return pino(
    {
      level: options.level,
      name: options.name,
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: '[redacted]',
      },
    },
    destination,
  )
}
