import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createMailer, type Mail, type Mailer } from '../../../connectors/smtp/mailer.ts'
import { createCertificate } from '../../support/certificate.ts'
import { refuse, startMailbox, type Mailbox, type MailboxOptions } from '../../support/mailbox.ts'

const mail: Mail = {
  messageId: 'upload-digest.1@registrar.example',
  to: ['board@oh.example', 'second@oh.example'],
  subject: 'License upload of aslp/oh: completed',
  text: 'Ünïcode arrives.\n',
}
const never = new AbortController().signal

let mailbox: Mailbox | undefined
let mailer: Mailer | undefined

afterEach(async () => {
  mailer?.close()
  await mailbox?.close()
  mailbox = undefined
})

async function open(options: MailboxOptions = {}, credentials = ''): Promise<Mailer> {
  mailbox = await startMailbox(options)
  const url = mailbox.url.replace('//', `//${credentials}`)
  mailer = createMailer({ url, from: 'Registrar <registrar@registrar.example>' })
  return mailer
}

test('a mail arrives with its own id, for all of its recipients', async () => {
  const { send, domain } = await open()
  await send(mail, never)
  expect(domain).toBe('registrar.example')
  expect(mailbox?.mails).toMatchObject([{ from: 'registrar@registrar.example', to: mail.to }])
  const content = mailbox?.mails[0]?.content ?? ''
  expect(content).toContain('Message-ID: <upload-digest.1@registrar.example>')
  expect(content).toContain('From: Registrar <registrar@registrar.example>')
  expect(content).toContain('Subject: License upload of aslp/oh: completed')
  expect(content).toContain('=C3=9Cn=C3=AFcode')
})

test('user and password of the address are used', async () => {
  const login = { user: 'registrar', password: 'p@ss' }
  const { send } = await open({ login }, 'registrar:p%40ss@')
  await send(mail, never)
  expect(mailbox?.mails).toMatchObject([{ user: 'registrar' }])
})

test('a wrong password is tried again: an operator may mend it', async () => {
  const login = { user: 'registrar', password: 'right' }
  const { send } = await open({ login }, 'registrar:wrong@')
  await expect(send(mail, never)).rejects.toMatchObject({ code: 'mail_unavailable' })
})

test('check() says whether the server is there and takes the login, and sends nothing', async () => {
  const login = { user: 'registrar', password: 'right' }
  const right = await open({ login }, 'registrar:right@')
  await right.check()
  expect(mailbox?.mails).toEqual([])
  const wrong = createMailer({
    url: `smtp://registrar:no@127.0.0.1:${mailbox?.port}`,
    from: 'r@r.example',
  })
  await expect(wrong.check()).rejects.toMatchObject({ code: 'mail_unavailable' })
  wrong.close()
})

test('a server that offers TLS with a certificate nobody vouches for gets nothing', async () => {
  const { send } = await open({ certificate: await createCertificate('localhost') })
  await expect(send(mail, never)).rejects.toMatchObject({ code: 'mail_unavailable' })
  expect(mailbox?.mails).toEqual([])
})

test('a mail that the server refuses for good is refused, and nobody is named', async () => {
  const onMail = (): never => {
    throw refuse(554)
  }
  const { send } = await open({ onMail })
  const error: unknown = await send(mail, never).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'mail_refused', status: 400 })
  expect(String(error)).not.toContain('example.com')
})

test('recipients that are all unknown are a refusal; one of two is enough', async () => {
  const unknown = new Set(mail.to)
  const onRecipient = (address: string): void => {
    if (unknown.has(address)) throw refuse(550)
  }
  const { send } = await open({ onRecipient })
  await expect(send(mail, never)).rejects.toMatchObject({ code: 'mail_refused' })
  unknown.delete('second@oh.example')
  await send(mail, never)
  expect(mailbox?.mails).toMatchObject([{ to: ['second@oh.example'] }])
})

test('a server that is busy is tried later', async () => {
  const onMail = (): never => {
    throw refuse(451)
  }
  const { send } = await open({ onMail })
  await expect(send(mail, never)).rejects.toMatchObject({ code: 'mail_unavailable', status: 502 })
})

test('a server that is not there is tried later', async () => {
  const { send } = await open()
  await mailbox?.close()
  await expect(send(mail, never)).rejects.toMatchObject({ code: 'mail_unavailable' })
  mailbox = undefined
})

test('whoever stops waiting is told so, though the server says nothing', async () => {
  const silent = await startSilentServer()
  mailer = createMailer({ url: `smtp://127.0.0.1:${silent.port}`, from: 'r@registrar.example' })
  const controller = new AbortController()
  const sending = mailer.send(mail, controller.signal)
  await silent.connected
  controller.abort()
  await expect(sending).rejects.toMatchObject({ code: 'call_aborted' })
  await silent.close()
})

type SilentServer = {
  readonly port: number
  readonly connected: Promise<unknown>
  readonly close: () => Promise<void>
}

async function startSilentServer(): Promise<SilentServer> {
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => sockets.push(socket.on('error', () => {})))
  const connected = new Promise((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    port,
    connected,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
