import { createTransport } from 'nodemailer'
import { AppError } from '../../core/errors.ts'

export type Mail = {
  /** Without angle brackets; the same for every attempt, so that a second copy can be known. */
  readonly messageId: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
}

/** Sends mails through one server. */
export type Mailer = {
  /** What stands after the `@` of message ids. */
  readonly domain: string
  /**
   * Resolves once the server has taken the mail for at least one of the recipients. Throws
   * `mail_refused` (400) for what it will never take, `call_aborted` (503) when the signal was
   * aborted, `mail_unavailable` (502) for all else.
   */
  readonly send: (mail: Mail, signal: AbortSignal) => Promise<void>
  /** Throws when the server is not there, or refuses the login; nothing is sent. */
  readonly check: () => Promise<void>
  readonly close: () => void
}

export type MailerOptions = {
  /** `smtp://` or `smtps://`, with user and password where the server wants them. */
  readonly url: string
  /** The sender: an address, or `Name <address>`. */
  readonly from: string
}

const STEP_TIMEOUT_MS = 5_000
const TIMEOUT_MS = 20_000

/** Creates the mailer; it connects for each mail, and upgrades to TLS wherever the server offers it. */
export function createMailer({ url, from }: MailerOptions): Mailer {
  const transport = createTransport(
    {
      url,
      dnsTimeout: STEP_TIMEOUT_MS,
      connectionTimeout: STEP_TIMEOUT_MS,
      greetingTimeout: STEP_TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  )
  return {
    domain: from.replace(/^.*@/s, '').replace(/>.*$/s, ''),
    async send({ messageId, to, subject, text }, signal) {
      const mail = { messageId: `<${messageId}>`, to: [...to], subject, text }
      const stop = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
      try {
        await transport.sendMail({ ...mail, signal: stop })
      } catch (error) {
        throw signal.aborted ? createAborted() : toMailError(error)
      }
    },
    async check() {
      try {
        await transport.verify()
      } catch (error) {
        throw toMailError(error)
      }
    },
    close: () => transport.close(),
  }
}

function createAborted(): AppError {
  return new AppError('call_aborted', 'Cannot go on with the mail: nobody waits for it any more', {
    status: 503,
  })
}

// The server's own words are left out: they tend to name the recipient.
function toMailError(cause: unknown): AppError {
  const { code, responseCode, permanent } = cause as NodemailerError // every member may be absent
  const reason = responseCode ?? code ?? 'unexpected'
  // A wrong password is the operator's to mend.
  if (permanent === true && code !== 'EAUTH') {
    return new AppError('mail_refused', `Cannot send the mail: the server refuses it (${reason})`, {
      status: 400,
      expose: false,
      cause,
    })
  }
  return new AppError('mail_unavailable', `Cannot send the mail now (${reason})`, {
    status: 502,
    cause,
  })
}

type NodemailerError = {
  readonly code?: string
  readonly responseCode?: number
  readonly permanent?: boolean
}
