import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { waitForState } from '../support/approvals.ts'
import { fetchHistory } from '../support/history.ts'
import { startLoginStack, type LoginApi, type LoginStack } from '../support/logins.ts'

const CANARY = 'Kanarienvogel-7f2c9'
const LOGIN = 'canary-login'

let stack: LoginStack
let logins: LoginApi

beforeAll(async () => {
  stack = await startLoginStack({ plain: true })
  logins = stack.logins
})
afterAll(async () => {
  await stack.close()
})

/** The tables of the database in which the text stands. */
async function findTables(text: string): Promise<string[]> {
  const { rows: tables } = await stack.api.db.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const { rowCount } = await stack.api.db.query(
      `select 1 from ${name} as t where t::text ilike '%' || $1::text || '%' limit 1`,
      [text],
    )
    if (rowCount === 1) found.push(name)
  }
  return found
}

test('a password is nowhere but as its hash, however it was sent', async () => {
  await logins.addPerson(LOGIN)
  const { body } = await logins.register(LOGIN, { password: CANARY })
  const answers = [
    await logins.register('nobody', { password: CANARY }),
    await logins.register(LOGIN, { password: CANARY }),
    await logins.register(LOGIN, { password: CANARY, more: CANARY }),
    await logins.register(LOGIN, { password: `${CANARY}\ud83d` }),
    await logins.authenticate(LOGIN, CANARY),
    // People type passwords where their login belongs.
    await logins.authenticate(CANARY, CANARY, '203.0.113.99'),
  ]
  expect(answers.map(({ status }) => status)).toEqual([409, 409, 422, 422, 200, 200])
  await logins.decide('approve', LOGIN)
  await waitForState(stack.api.db, body.approvalId, 'applied')
  expect((await logins.authenticate(LOGIN, CANARY)).body).toBe(true)

  const history = await fetchHistory(stack.temporal, approvalWorkflowId(body.approvalId))
  const { rows } = await stack.api.db.query<{ hash: string }>(
    'select password_hash as hash from logins',
  )
  const hash = rows[0]?.hash ?? ''
  expect(hash).toContain('$argon2id$')
  const encoded = Buffer.from(CANARY).toString('base64').slice(0, -4)
  for (const secret of [CANARY, encoded, hash]) {
    expect(history).not.toContain(secret)
    expect(stack.api.logLines.join('\n')).not.toContain(secret)
    const bodies = JSON.stringify(answers.map((answer) => answer.body))
    expect(bodies.replaceAll(`/more/${CANARY}`, '')).not.toContain(secret)
  }
  expect(await findTables(CANARY)).toEqual([])
  expect(await findTables(Buffer.from(CANARY).toString('hex'))).toEqual([])
  expect(await findTables(hash)).toEqual(['public.logins'])
  expect(await findTables('203.0.113.99')).toEqual([])
})

test('logins and addresses are no part of what Temporal or the log keep', async () => {
  const login = 'private-person'
  await logins.addPerson(login)
  const { body } = await logins.register(login)
  await logins.decide('approve', login)
  await logins.authenticate(login)
  await waitForState(stack.api.db, body.approvalId, 'applied')
  const history = await fetchHistory(stack.temporal, approvalWorkflowId(body.approvalId))
  for (const text of [login, Buffer.from(login).toString('base64').slice(0, -4)]) {
    expect(history).not.toContain(text)
    expect(stack.api.logLines.join('\n')).not.toContain(text)
  }
})

test('it takes as long to register whom nobody knows as somebody', async () => {
  const MAX_RUNS = 60
  const known: number[] = []
  const unknown: number[] = []
  const timeMs = async (login: string, status: number): Promise<number> => {
    const start = performance.now()
    expect((await logins.register(login)).status).toBe(status)
    return performance.now() - start
  }
  // The least of many: whatever else the machine does only adds to it, be it for one of them alone.
  const isAlike = (): boolean => Math.abs(Math.min(...known) / Math.min(...unknown) - 1) < 0.3
  for (let run = 0; run < MAX_RUNS && (run < 12 || !isAlike()); run += 1) {
    await logins.addPerson(`timed-${run}`)
    known.push(await timeMs(`timed-${run}`, 202))
    unknown.push(await timeMs(`untimed-${run}`, 409))
  }
  expect(isAlike()).toBe(true)
})
