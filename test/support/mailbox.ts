import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import type { TestCertificate } from './certificate.ts'

export type ReceivedMail = {
  readonly from: string
  readonly to: readonly string[]
  /** As it was sent, head and body. */
  readonly content: string
  readonly isEncrypted: boolean
  readonly user: string | undefined
}

/** How a server takes a message: thrown errors with a `responseCode` are its refusal. */
export type MailboxOptions = {
  readonly onRecipient?: (address: string) => void
  readonly onMail?: (mail: ReceivedMail) => void
  /** Offers STARTTLS with it. */
  readonly certificate?: TestCertificate
  /** Wants a login with this user and password. */
  readonly login?: { readonly user: string; readonly password: string }
  /** Any free one unless said. */
  readonly port?: number
}

/** A real SMTP server that keeps what it takes. */
export type Mailbox = {
  /** Such as `smtp://127.0.0.1:41234`. */
  readonly url: string
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  readonly close: () => Promise<void>
}

/** An answer that the server gives instead of taking something. */
export function refuse(responseCode: number): Error {
  return Object.assign(new Error('mailbox says no to person1@example.com'), { responseCode })
}

/** Starts it on the loopback interface. */
export async function startMailbox(options: MailboxOptions = {}): Promise<Mailbox> {
  const mails: ReceivedMail[] = []
  const { certificate, login, onMail, onRecipient } = options
  const server = new SMTPServer({
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: certificate ? [] : ['STARTTLS'],
    ...certificate,
    onAuth({ username, password }, _, callback) {
      const isKnown = username === login?.user && password === login?.password
      if (isKnown) callback(null, { user: username })
      else callback(refuse(535))
    },
    onRcptTo({ address }, _, callback) {
      answer(callback, () => onRecipient?.(address))
    },
    onData(stream, session, callback) {
      void text(stream).then((content) => {
        const { mailFrom, rcptTo } = session.envelope
        const mail: ReceivedMail = {
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          content,
          isEncrypted: session.secure,
          user: session.user,
        }
        answer(callback, () => {
          onMail?.(mail)
          mails.push(mail)
        })
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo // it listens on TCP
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    close: async () => await new Promise((resolve) => server.close(resolve)),
  }
}

function answer(callback: (error?: Error | null) => void, take: () => void): void {
  try {
    take()
    callback()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    callback(error)
  }
}
