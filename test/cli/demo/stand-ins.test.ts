import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuth0Sink } from '../../../connectors/auth0/sink.ts'
import { createHttpClient } from '../../../connectors/http/client.ts'
import { createWebhookSecret, signWebhook } from '../../../crypto/webhook-signature.ts'
import { startStandIns } from '../../../cli/demo/stand-ins.ts'
import { startDemoAuth0 } from '../../../cli/demo/stand-ins/auth0.ts'
import { startDemoDirectory } from '../../../cli/demo/stand-ins/slapd.ts'
import { startDemoReceiver } from '../../../cli/demo/stand-ins/webhook-receiver.ts'
import { listProcessesWithArgument } from '../../../cli/embedded/processes.ts'
import { waitUntil } from '../../support/polling.ts'
import { createTestProfile } from '../../support/profiles.ts'
import { createScratchDir, type ScratchDir } from '../../support/scratch.ts'
import { findSlapd } from '../../support/slapd.ts'
import { silentLog } from '../../support/temporal.ts'

const slapd = await findSlapd()
const suite = 'path' in slapd ? describe : describe.skip
const title = 'path' in slapd ? 'the directory' : `the directory (skipped: ${slapd.missing})`
const signal = new AbortController().signal

let scratch: ScratchDir
beforeAll(async () => {
  scratch = await createScratchDir('stand-ins')
})
afterAll(async () => await scratch.remove())

test('a machine without slapd has every other sink, and the missing one by name', async () => {
  const standIns = await startStandIns({
    directory: join(scratch.path, 'without'),
    allowPrivateTargets: true,
    withSource: false,
    slapdPlaces: [join(scratch.path, 'nowhere')],
  })
  try {
    expect(standIns.missing).toEqual([
      { name: 'directory', reason: expect.stringContaining('slapd is not installed') },
    ])
    const file = standIns.env['SINKS_FILE'] ?? ''
    const entries = JSON.parse(await readFile(file, 'utf8')) as { kind: string }[]
    expect(entries.map(({ kind }) => kind)).toEqual(['webhook', 'sql', 'auth0'])
    // Secrets are named there, and stand in the environment.
    expect(JSON.stringify(entries)).not.toContain(standIns.env['DEMO_AUTH0_SECRET'])
  } finally {
    await standIns.close()
  }
})

test('a slapd that does not start is missing with its reason, as is a webhook that may not come', async () => {
  const standIns = await startStandIns({
    directory: join(scratch.path, 'broken'),
    allowPrivateTargets: false,
    withSource: false,
    slapdPlaces: ['/bin/false'],
  })
  await standIns.close()
  expect(standIns.missing.map(({ name }) => name)).toEqual(['directory', 'partner'])
  expect(standIns.missing[0]?.reason).toMatch(/\/bin\/false, but does not start/)
})

test('the receiver takes what is signed and refuses what is not', async () => {
  const receiver = await startDemoReceiver()
  const body = JSON.stringify({ operation: 'update', id: 'ad|x', serial: 7, changed: ['tags'] })
  const send = async (secret: string): Promise<number> => {
    const headers = signWebhook({ id: 'msg_1', sentAt: new Date(), body }, [secret])
    return (await fetch(receiver.url, { method: 'POST', headers, body })).status
  }
  try {
    expect([await send(receiver.secret), await send(createWebhookSecret())]).toEqual([204, 401])
    expect([receiver.listEvents('ad|x').length, receiver.listEvents('ad|y').length]).toEqual([1, 0])
    expect(receiver.countForged()).toBe(1)
  } finally {
    await receiver.close()
  }
})

test('the tenant makes and changes users for those who know its secret, and hangs up when down', async () => {
  const auth0 = await startDemoAuth0()
  const http = createHttpClient({ allowPrivateTargets: true, log: silentLog })
  const open = (clientSecret: string): ReturnType<typeof createAuth0Sink> =>
    createAuth0Sink({
      name: 'auth0',
      baseUrl: auth0.url,
      clientId: auth0.clientId,
      clientSecret,
      http,
      create: true,
      connection: 'Mozilla-LDAP',
      scopes: new Set(['display:all']),
      nowMs: () => Date.now(),
    })
  const deliver = async (serial: number, secret = auth0.clientSecret): Promise<unknown> => {
    const person = { profileId: 'p', userId: 'ad|Mozilla-LDAP|person1', updatedAt: new Date() }
    const profile = createTestProfile({ contents: { picture: `${serial}` } })
    return await open(secret).deliver({ ...person, profile, serial, isDeleted: false }, signal)
  }
  try {
    for (const serial of [1, 2]) {
      expect(await deliver(serial)).toEqual({ state: 'succeeded', wrote: true })
    }
    const user = auth0.findUser('ad|Mozilla-LDAP|person1')
    expect(user).toMatchObject({ app_metadata: { serial: 2 } })
    await expect(deliver(3, 'wrong')).rejects.toMatchObject({ code: 'credentials_refused' })
    auth0.setDown(true)
    await expect(deliver(3)).rejects.toMatchObject({ code: 'target_unreachable' })
    auth0.setDown(false)
    expect(await deliver(3)).toEqual({ state: 'succeeded', wrote: true })
  } finally {
    http.close()
    await auth0.close()
  }
})

suite(title, () => {
  test('stops what a killed demo left running on its data', async () => {
    const program = 'path' in slapd ? slapd.path : ''
    const directory = join(scratch.path, 'slapd')
    const listServers = async (): Promise<number[]> =>
      await listProcessesWithArgument(join(directory, 'slapd.conf'))
    const left = await startDemoDirectory(program, directory)
    const before = await listServers()
    const next = await startDemoDirectory(program, directory)
    const after = await listServers()
    expect([before.length, after.length, before[0] === after[0]]).toEqual([1, 1, false])
    await expect(left.connect()).rejects.toThrow(/ECONNREFUSED/)
    await (await next.connect()).unbind()
    await next.close()
    await waitUntil('it is gone', async () => (await listServers()).length === 0)
  })
})
