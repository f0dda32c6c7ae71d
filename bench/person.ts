import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { startApi, type ApiServer } from '../api/server.ts'
import { loadConfig } from '../config/config.ts'
import { createKeyRing, generateKeyRingDocument } from '../crypto/key-ring.ts'
import { signLocalToken } from '../crypto/token.ts'
import { migrate } from '../db/migrate.ts'
import { fillVault, keysOf } from './person-vault.ts'
import { median, timeMs, type Bench, type BenchRow } from './report.ts'
import { startStack } from './stack.ts'

const SMALL = 1_000
const LARGE = 100_000
const READS = 400
const PAGES = 20
const SCOPE = 'read:fullprofile display:all search:all'

/** An API over a vault of its own size. */
type Vault = {
  readonly size: number
  readonly get: (path: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

type Question = { readonly name: string; readonly times: number; readonly ask: Ask }
type Ask = (vault: Vault, random: number) => Promise<unknown>

/** Reads by each key, list pages and searches over 100 k persons, against the same over 1 k. */
export const personBench: Bench = async ({ repeats }) => {
  const stack = await startStack()
  const directory = await mkdtemp(join(tmpdir(), 'registrar-bench-person-'))
  const vaults: Vault[] = []
  try {
    for (const size of [SMALL, LARGE]) {
      const databaseUrl = await createVault(stack.databaseUrl, size)
      vaults.push(await openVault(databaseUrl, { size, directory }))
    }
    const rows: BenchRow[] = []
    for (const question of questions) rows.push(await compare(question, { vaults, repeats }))
    return { name: 'person', against: `the same reads over ${SMALL} persons`, rows }
  } finally {
    await Promise.all(vaults.map(async (vault) => await vault.close()))
    await stack.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

const questions: readonly Question[] = [
  ...(['user_id', 'uuid', 'primary_email', 'primary_username'] as const).map((key): Question => ({
    name: `by ${key}`,
    times: READS,
    ask: async (vault, random) =>
      await vault.get(`/v2/user/${key}/${encodeURIComponent(pick(vault, random)[key])}`),
  })),
  { name: 'page of profiles', times: PAGES, ask: askSecondPage('/v2/users?') },
  {
    name: 'page of ids',
    times: READS / 4,
    ask: askSecondPage('/v2/users/id/all?connectionMethod=ad'),
  },
  {
    name: 'page of a group',
    times: READS / 4,
    ask: askSearch('access_information.ldap=library'),
  },
  { name: 'page of a title', times: READS / 4, ask: askSearch('staff_information.title=Engineer') },
  {
    name: 'a group of nobody',
    times: READS / 4,
    ask: askSearch('access_information.ldap=nothing'),
  },
  {
    name: 'part of nobody’s title',
    times: PAGES,
    ask: askSearch('staff_information.title=nothing'),
  },
]

async function createVault(serverUrl: string, size: number): Promise<string> {
  const url = new URL(serverUrl)
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  await client.query(`create database persons_${size}`)
  await client.end()
  url.pathname = `/persons_${size}`
  await migrate(url.href)
  await fillVault(url.href, size)
  return url.href
}

async function openVault(
  databaseUrl: string,
  { size, directory }: { readonly size: number; readonly directory: string },
): Promise<Vault> {
  const keys = generateKeyRingDocument()
  const config = loadConfig({
    PORT: '0',
    DATA_DIR: directory,
    DATABASE_URL: databaseUrl,
    KEY_RING: JSON.stringify(keys),
    RATE_LIMIT_PER_SECOND: '0',
  })
  const api: ApiServer = await startApi({ config, log: pino({ level: 'silent' }) })
  const claims = { subject: 'bench', scope: SCOPE, ttlSeconds: 3_600 }
  const authorization = `Bearer ${await signLocalToken(createKeyRing(keys), claims)}`
  return {
    size,
    close: api.close,
    async get(path) {
      const answer = await fetch(`http://127.0.0.1:${api.port}${path}`, {
        headers: { authorization },
      })
      if (answer.status !== 200) throw new Error(`Cannot read: ${answer.status}`)
      return await answer.json()
    },
  }
}

// Turn by turn, so that what else the machine does falls on both.
async function compare(
  { name, times, ask }: Question,
  { vaults, repeats }: { readonly vaults: readonly Vault[]; readonly repeats: number },
): Promise<BenchRow> {
  const samples = vaults.map((): number[] => [])
  for (const vault of vaults) await ask(vault, 0)
  for (let run = 0; run < times * repeats; run += 1) {
    const random = Math.random()
    for (const [index, vault] of vaults.entries()) {
      samples[index]?.push(await timeMs(async () => await ask(vault, random)))
    }
  }
  const [small = Number.NaN, large = Number.NaN] = samples.map(median)
  return { read: name, 'p50 ms at 1 k': small, 'p50 ms at 100 k': large, ratio: large / small }
}

function pick({ size }: Vault, random: number): ReturnType<typeof keysOf> {
  return keysOf(1 + Math.floor(random * size))
}

function askSearch(term: string): Ask {
  const path = `/v2/users/id/all/by_attribute_contains?${term}`
  return async (vault) => await vault.get(path)
}

// The first page is asked for once a vault; what is measured is the page after it.
function askSecondPage(path: string): Ask {
  const tokens = new Map<Vault, string>()
  return async (vault) => {
    const token = tokens.get(vault)
    if (token !== undefined) return await vault.get(`${path}&nextPage=${encodeURIComponent(token)}`)
    const page = (await vault.get(path)) as { readonly nextPage: string } // more than one page
    tokens.set(vault, page.nextPage)
    return page
  }
}
