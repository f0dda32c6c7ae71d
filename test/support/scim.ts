import { createHttpClient, type HttpClient } from '../../connectors/http/client.ts'
import { createScimTarget, type ScimTargetOptions } from '../../connectors/scim/target.ts'
import type {
  GroupOrder,
  MembersOrder,
  MembersVerdict,
  PersonOrder,
  ScimPerson,
  ScimTarget,
  TargetPerson,
  Verdict,
} from '../../core/roster/target.ts'
import { silentLog } from './temporal.ts'

export type ScimServer = { readonly url: string; readonly token: string }

/** A target of a test, with short ways to write and to read. */
export class TestTarget {
  readonly target: ScimTarget
  readonly #http: HttpClient
  readonly #server: ScimServer

  constructor(server: ScimServer, options: Partial<ScimTargetOptions> = {}) {
    this.#server = server
    this.#http = createHttpClient({ allowPrivateTargets: true, log: silentLog })
    this.target = createScimTarget({
      baseUrl: server.url,
      auth: { type: 'bearer', token: server.token },
      adopt: 'externalId',
      http: this.#http,
      batchSize: 100,
      maxAttempts: 3,
      log: silentLog,
      ...options,
    })
  }

  async people(orders: readonly PersonOrder[], signal = never()): Promise<Verdict[]> {
    return await collect(orders, async (onVerdicts) => {
      await this.target.writePeople(orders, { signal, onVerdicts })
    })
  }

  async groups(orders: readonly GroupOrder[], signal = never()): Promise<Verdict[]> {
    return await collect(orders, async (onVerdicts) => {
      await this.target.writeGroups(orders, { signal, onVerdicts })
    })
  }

  async members(orders: readonly MembersOrder[], signal = never()): Promise<MembersVerdict[]> {
    return await collect(orders, async (onVerdicts) => {
      await this.target.writeMembers(orders, { signal, onVerdicts })
    })
  }

  /** Everybody, page by page. */
  async list(): Promise<TargetPerson[]> {
    const all: TargetPerson[] = []
    for (;;) {
      const page = { startIndex: all.length + 1, count: 100, signal: never() }
      const { people, total } = await this.target.listPeople(page)
      all.push(...people)
      if (people.length === 0 || all.length >= total) return all
    }
  }

  /** One call of the server, as somebody else makes it. */
  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.#server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#server.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
  }

  close(): void {
    this.target.close()
    this.#http.close()
  }
}

/** A person with a number. */
export function testPerson(number: number, rest: Partial<ScimPerson> = {}): ScimPerson {
  const userName = `Person${number}@District.example`
  return {
    externalId: `clever:${number}`,
    userName,
    name: { givenName: `Given${number}`, familyName: `Family${number}` },
    displayName: `Given${number} Family${number}`,
    emails: [{ value: userName, primary: true }],
    active: true,
    userType: 'student',
    roles: [{ value: 'student' }],
    enterprise: { employeeNumber: String(number), organization: 'Spring Valley' },
    ...rest,
  }
}

/** People with numbers that follow each other. */
export function testPeople(count: number, from = 1): ScimPerson[] {
  return Array.from({ length: count }, (_, index) => testPerson(from + index))
}

/** Orders to create these people, whose ids are their externalIds. */
export function creates(...people: readonly ScimPerson[]): PersonOrder[] {
  return people.map((after) => ({ op: 'create', id: after.externalId, after }))
}

/** The target's id of a verdict that is one of success. */
export function scimIdOf(verdict: Verdict | undefined): string {
  if (verdict && 'scimId' in verdict) return verdict.scimId
  throw new Error(`Cannot find a scimId in ${JSON.stringify(verdict)}`)
}

function never(): AbortSignal {
  return new AbortController().signal
}

// In the order of the orders.
async function collect<V extends { readonly id: string }>(
  orders: readonly { readonly id: string }[],
  write: (onVerdicts: (verdicts: readonly V[]) => Promise<void>) => Promise<void>,
): Promise<V[]> {
  const found = new Map<string, V>()
  await write(async (verdicts) => {
    await Promise.resolve()
    for (const verdict of verdicts) {
      if (found.has(verdict.id)) throw new Error(`Cannot take two verdicts of ${verdict.id}`)
      found.set(verdict.id, verdict)
    }
  })
  return orders.flatMap(({ id }) => found.get(id) ?? [])
}
