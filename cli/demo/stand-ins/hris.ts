import { randomBytes } from 'node:crypto'
import { startLocalServer } from './http-server.ts'

export type ReportEntry = Readonly<Record<string, string>>

/** A Workday-style report of employees. */
export type DemoHris = {
  readonly url: string
  readonly user: string
  readonly password: string
  /** What the report says from now on. */
  readonly setReport: (entries: readonly ReportEntry[]) => void
  readonly close: () => Promise<void>
}

const USER = 'registrar-demo'

/** Starts a report without anybody, for those who know its password. */
export async function startDemoHris(): Promise<DemoHris> {
  const password = randomBytes(24).toString('base64url')
  const credentials = Buffer.from(`${USER}:${password}`).toString('base64')
  let entries: readonly ReportEntry[] = []
  const server = await startLocalServer((request, response) => {
    const isKnown = request.headers.authorization === `Basic ${credentials}`
    const body = isKnown ? { Report_Entry: entries } : { error: 'Unauthorized' }
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  return {
    url: `${server.url}/report?format=json`,
    user: USER,
    password,
    setReport: (next) => void (entries = next),
    close: server.close,
  }
}
