import type { Logger } from '../../config/log.ts'
import { AppError } from '../../core/errors.ts'
import type { Adopt, ScimTarget, TargetGroup, TargetPage } from '../../core/roster/target.ts'
import type { HttpClient } from '../http/client.ts'
import { createScimCalls, type ScimCalls, type ScimContext } from './calls.ts'
import { discoverCapabilities, type Capabilities } from './capabilities.ts'
import { Directory } from './directory.ts'
import { findPacer } from './pacers.ts'
import { pathOf } from './change.ts'
import {
  parsePage,
  parseResource,
  toTargetGroup,
  toTargetPerson,
  type Kind,
  type ResourcePage,
} from './resource.ts'
import type { Running } from './runner.ts'
import { SharedRun } from './shared-run.ts'

export type ConnectionOptions = {
  /** Everything before `/Users`. */
  readonly baseUrl: string
  readonly auth: { readonly type: 'bearer'; readonly token: string }
  readonly adopt: Adopt
  readonly http: HttpClient
  /** The most of a bulk, and of a change of members. */
  readonly batchSize: number
  /** The tries of one call; waits that the target asks for do not count. */
  readonly maxAttempts: number
  /** The most calls at once, 8 unless said; how many of them the target takes is learned. */
  readonly concurrency?: number
  /** Of one call; 30 s unless said. */
  readonly timeoutMs?: number
  readonly log: Logger
}

type Learned = {
  readonly capabilities: Capabilities
  readonly directories: Readonly<Record<Kind, Directory>>
}

const CONCURRENCY = 8
const TIMEOUT_MS = 30_000

/** The calls of a target, and what has been learned of it. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #calls: ScimCalls
  readonly #concurrency: number
  readonly #learn = new SharedRun(async (context) => await this.#discover(context))
  #learned: Learned | undefined

  constructor(options: ConnectionOptions) {
    const { auth, http, maxAttempts, concurrency = CONCURRENCY, timeoutMs = TIMEOUT_MS } = options
    const baseUrl = options.baseUrl.replace(/\/+$/, '')
    this.#options = options
    this.#concurrency = concurrency
    this.#calls = createScimCalls({
      baseUrl,
      token: auth.token,
      http,
      pacer: findPacer(baseUrl),
      maxAttempts,
      concurrency,
      timeoutMs,
    })
  }

  /** What writing people or groups takes; throws as calls do. */
  async open(kind: Kind, signal: AbortSignal): Promise<Running> {
    await this.#learn.done({ signal, tries: { count: 0 } })
    const { capabilities, directories } = this.#learned ?? throwNotScim()
    const { adopt, batchSize } = this.#options
    return {
      calls: this.#calls,
      capabilities,
      directory: directories[kind],
      adopt,
      batchSize,
      concurrency: this.#concurrency,
    }
  }

  /** A page of the people; throws `target_failed` where it is none. */
  async listPeople(page: TargetPage): ReturnType<ScimTarget['listPeople']> {
    const { resources, total } = await this.#list('Users', page)
    return { people: resources.map((one) => toTargetPerson(one)), total }
  }

  /** A page of the groups; throws `target_failed` where it is none. */
  async listGroups(page: TargetPage): ReturnType<ScimTarget['listGroups']> {
    const { resources, total } = await this.#list('Groups', page)
    return { groups: resources.map((one) => toTargetGroup(one)), total }
  }

  /** One group; throws `target_failed` where the answer is none. */
  async readGroup(scimId: string, signal: AbortSignal): Promise<TargetGroup | undefined> {
    const path = pathOf('Groups', scimId)
    const answer = await this.#calls.send({ method: 'GET', path, signal, tries: { count: 0 } })
    if (answer.status === 404) return undefined
    const resource = answer.status === 200 ? parseResource(answer) : undefined
    return resource ? toTargetGroup(resource) : throwNotScim()
  }

  async #list(kind: Kind, { startIndex, count, signal }: TargetPage): Promise<ResourcePage> {
    const path = `/${kind}?startIndex=${startIndex}&count=${count}`
    const answer = await this.#calls.send({ method: 'GET', path, signal, tries: { count: 0 } })
    return (answer.status === 200 ? parsePage(answer) : undefined) ?? throwNotScim()
  }

  async #discover(context: ScimContext): Promise<void> {
    const calls = this.#calls
    const capabilities = await discoverCapabilities(calls, context)
    const { bulk, patch, filter } = capabilities
    const can = { bulk: bulk?.maxOperations ?? 0, patch, filter }
    this.#options.log.info(can, 'Asked a SCIM target what it can do')
    const open = (kind: Kind): Directory => new Directory({ kind, calls, capabilities })
    this.#learned = { capabilities, directories: { Users: open('Users'), Groups: open('Groups') } }
  }
}

function throwNotScim(): never {
  throw new AppError('target_failed', 'Cannot use the target: it does not answer as SCIM does', {
    status: 502,
  })
}
