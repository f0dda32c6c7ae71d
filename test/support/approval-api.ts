import { randomUUID } from 'node:crypto'
import type { PresentedApproval } from '../../api/presenters/approval.ts'
import { TEST_HASH } from './approvals.ts'
import type { TestApi } from './http.ts'

export type As = {
  readonly subject: string
  /** `approval:vote` unless said. */
  readonly scope?: string
  readonly tenant?: string
}

export type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T }

export type Problem = {
  readonly code: string
  readonly state?: string
  readonly errors?: readonly { readonly pointer: string }[]
}

export type SendInit = {
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

type Approval = PresentedApproval & Problem

/** Calls the API as different people. */
export class ApprovalApi {
  readonly #api: TestApi

  constructor(api: TestApi) {
    this.#api = api
  }

  as(who: As | string): Caller {
    return new Caller(this.#api, typeof who === 'string' ? { subject: who } : who)
  }
}

class Caller {
  readonly #api: TestApi
  readonly #as: As

  constructor(api: TestApi, as: As) {
    this.#api = api
    this.#as = as
  }

  async send<T = Approval>(method: string, path: string, init: SendInit = {}): Promise<Answer<T>> {
    const { subject, scope = 'approval:vote', tenant } = this.#as
    const token = await this.#api.token(scope, { subject, tenant })
    const response = await this.#api.call(path, {
      method,
      json: init.json,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
    })
    const text = await response.text()
    const body = (text === '' ? undefined : JSON.parse(text)) as T // what the test expects there
    return { status: response.status, headers: response.headers, body }
  }

  async get<T = Approval>(path: string): Promise<Answer<T>> {
    return await this.send<T>('GET', path)
  }

  async vote(
    approvalId: string,
    body: Readonly<Record<string, unknown>> = {},
    key: string = randomUUID(),
  ): Promise<Answer<Approval>> {
    const vote = { verdict: 'approve', reason: 'Looks right', subjectHash: TEST_HASH, ...body }
    return await this.send('POST', `/v1/approvals/${approvalId}/votes`, {
      json: vote,
      headers: { 'idempotency-key': key },
    })
  }

  async act(approvalId: string, action: string, json: unknown = {}): Promise<Answer<Approval>> {
    return await this.send('POST', `/v1/approvals/${approvalId}/${action}`, { json })
  }
}
