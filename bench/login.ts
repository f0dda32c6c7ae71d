import { hash, verify } from '@node-rs/argon2'
import { argon2Options } from '../crypto/password-hasher.ts'
import { readPeakMemory } from './process-memory.ts'
import { median, quantile, timeMs, type Bench, type BenchRow } from './report.ts'
import { startStack, type Stack } from './stack.ts'

const PARALLEL = 50
const ROUNDS = 4
const RAW_PARALLEL = 4
const REGISTRATIONS = 200
const PASSWORD = 'nine ducks cross the road'
const SCOPE = 'user:read user:write user:register user:authn group:write approval:vote'

type Api = (method: string, path: string, json?: unknown) => Promise<Answer>
type Answer = { readonly status: number; readonly body: unknown }

/** Authentications under 50 at once and the memory they take, against Argon2 alone; and what a registration tells by its time. */
export const loginBench: Bench = async ({ repeats }) => {
  const stack = await startStack()
  try {
    const api = await openApi(stack, 'ada')
    await letIn(api, 'grace')
    const rows: BenchRow[] = []
    for (let run = 1; run <= repeats; run += 1) {
      rows.push(await compareThroughput(api, `run ${run}`))
    }
    return {
      name: 'login',
      against: `Argon2id alone, ${RAW_PARALLEL} at once, in the same run`,
      rows: [...rows, summarise(rows), await compareRegistrations(api)],
    }
  } finally {
    await stack.stop()
  }
}

async function openApi(stack: Stack, subject: string): Promise<Api> {
  const token = await stack.token(SCOPE, { subject })
  return async (method, path, json) => {
    const answer = await fetch(`${stack.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }
}

async function letIn(api: Api, login: string): Promise<void> {
  await addPerson(api, 'ada')
  await api('PUT', '/v1/groups/login_approvers')
  await api('PUT', '/v1/groups/login_approvers/members/ada')
  await addPerson(api, login)
  await register(api, login)
  const { status } = await api('POST', '/user/approve', { login, authz_login: 'ada' })
  if (status !== 200) throw new Error(`Cannot let in: ${status}`)
}

async function addPerson(api: Api, login: string): Promise<void> {
  await api('PUT', `/user/${login}`, { email: `${login}@example.org`, name: login })
}

async function register(api: Api, login: string): Promise<number> {
  const json = { login, email: `${login}@example.org`, password: PASSWORD }
  return (await api('POST', '/user/register', json)).status
}

async function compareThroughput(api: Api, run: string): Promise<BenchRow> {
  const idle = await readApiMemory()
  const raw = await measureRaw()
  const latencies: number[] = []
  const ms = await timeMs(async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(
        Array.from({ length: PARALLEL }, async () => latencies.push(await authenticate(api))),
      )
    }
  })
  const perSecond = (PARALLEL * ROUNDS * 1_000) / ms
  return {
    run,
    'Argon2/s': raw,
    'logins/s': perSecond,
    ratio: perSecond / raw,
    'p50 ms': median(latencies),
    'max ms': quantile(latencies, 1),
    'API MB before': idle,
    'API MB at its peak': await readApiMemory(),
  }
}

async function authenticate(api: Api): Promise<number> {
  return await timeMs(async () => {
    const { status, body } = await api('POST', '/v1/users/grace/authenticate', {
      password: PASSWORD,
    })
    if (status !== 200 || body !== true) throw new Error(`Cannot authenticate: ${status}`)
  })
}

async function measureRaw(): Promise<number> {
  const hashed = await hash(PASSWORD, argon2Options)
  const each = (PARALLEL * ROUNDS) / RAW_PARALLEL
  const ms = await timeMs(async () => {
    await Promise.all(
      Array.from({ length: RAW_PARALLEL }, async () => {
        for (let done = 0; done < each; done += 1) await verify(hashed, PASSWORD)
      }),
    )
  })
  return (each * RAW_PARALLEL * 1_000) / ms
}

// The peak is of the process's whole life: what the first load takes, later ones do not add.
async function readApiMemory(): Promise<number> {
  return (await readPeakMemory(process.pid))['api'] ?? Number.NaN
}

async function compareRegistrations(api: Api): Promise<BenchRow> {
  const known: number[] = []
  const unknown: number[] = []
  for (let run = 0; run < REGISTRATIONS; run += 1) {
    await addPerson(api, `known-${run}`)
    known.push(await timeMs(async () => await register(api, `known-${run}`)))
    unknown.push(await timeMs(async () => await register(api, `unknown-${run}`)))
  }
  return {
    run: `register, known ÷ unknown, ${REGISTRATIONS} each`,
    ratio: median(known) / median(unknown),
    'p50 ms': median(unknown),
  }
}

function summarise(rows: readonly BenchRow[]): BenchRow {
  const middle = (name: string): number => median(rows.map((row) => Number(row[name])))
  return {
    run: 'median',
    'Argon2/s': middle('Argon2/s'),
    'logins/s': middle('logins/s'),
    ratio: middle('ratio'),
  }
}
