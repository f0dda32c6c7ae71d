import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { createApprovalActivities } from '../../activities/approval.ts'
import { withFailures } from '../../activities/failures.ts'
import type { PresentedUser } from '../../api/presenters/user.ts'
import { createUser } from '../../db/user/users.ts'
import { createApprovalEffects } from '../../workers/approval-effects.ts'
import { ApprovalApi, type Answer, type Problem, type SendInit } from './approval-api.ts'
import { addPeople } from './approvals.ts'
import { startTestEngine } from './engine.ts'
import { startTestApi, type TestApi } from './http.ts'
import { createTestNamespace, type TestTemporal } from './temporal.ts'

export const GOOD_PASSWORD = 'nine ducks cross the road'

/** What decisions about logins answer. */
export type DecidedLogin = Problem & {
  readonly login: string
  readonly state: string
  readonly approved_by: string | null
  readonly approved_at: string | null
}

/** The API beside a worker with the product's own effects of approvals. */
export type LoginStack = {
  readonly api: TestApi
  readonly temporal: TestTemporal
  readonly logins: LoginApi
  readonly close: () => Promise<void>
}

/**
 * Starts both, in a namespace of the test's own, with the approvers `ada` and `bea`. With `plain`,
 * histories are readable: then the API leaves all starts to the relay.
 */
export async function startLoginStack({ plain = false } = {}): Promise<LoginStack> {
  const namespace = `logins-${randomUUID()}`
  const address = process.env['TEST_TEMPORAL_ADDRESS'] ?? ''
  const env = { ...(!plain && { TEMPORAL_ADDRESS: address }), TEMPORAL_NAMESPACE: namespace }
  const api = await startTestApi({ env })
  const temporal = await createTestNamespace({ namespace, ring: api.ring, plain })
  const effects = createApprovalEffects({ db: api.db, config: api.config })
  const engine = await startTestEngine(temporal, {
    db: api.db,
    activities: withFailures(createApprovalActivities({ db: api.db, effects }), (error) =>
      process.stderr.write(`Unexpected failure: ${String(error)}\n`),
    ),
  })
  await addPeople(api.db, { login_approvers: ['ada', 'bea'] })
  return {
    api,
    temporal,
    logins: new LoginApi(api),
    async close() {
      await engine.close()
      await temporal.close()
      await api.close()
    },
  }
}

/** Calls the routes of people and their logins. */
export class LoginApi {
  readonly people: ApprovalApi
  readonly #api: TestApi

  constructor(api: TestApi) {
    this.#api = api
    this.people = new ApprovalApi(api)
  }

  /** Makes a person of the name, whose e-mail address is at example.org. */
  async addPerson(login: string): Promise<void> {
    const email = `${login}@example.org`
    await createUser(this.#api.db, { login, email, name: login, source: 'manual' })
  }

  async register(
    login: string,
    change: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer<Problem & { readonly approvalId: string }>> {
    const json = { login, email: `${login}@example.org`, password: GOOD_PASSWORD, ...change }
    return await this.people
      .as({ subject: 'portal', scope: 'user:register' })
      .send('POST', '/user/register', { json })
  }

  async decide(
    action: 'approve' | 'reject' | 'revoke',
    login: string,
    by: { readonly subject?: string; readonly json?: object } = {},
  ): Promise<Answer<DecidedLogin>> {
    const { subject = 'ada', json = {} } = by
    const reason = action === 'approve' ? {} : { reason: 'As it should be' }
    return await this.people.as(subject).send('POST', `/user/${action}`, {
      json: { login, authz_login: subject, ...reason, ...json },
    })
  }

  /** Registers and approves a person, whom it makes too. */
  async letIn(login: string): Promise<void> {
    await this.addPerson(login)
    await this.register(login)
    const { body } = await this.decide('approve', login)
    if (body.state !== 'approved') throw new Error(`Cannot let in: ${JSON.stringify(body)}`)
  }

  async authenticate(
    login: string,
    password = GOOD_PASSWORD,
    address?: string,
  ): Promise<Answer<boolean & Problem>> {
    return await this.people
      .as({ subject: 'portal', scope: 'user:authn' })
      .send('POST', `/v1/users/${encodeURIComponent(login)}/authenticate`, {
        json: { password, ...(address !== undefined && { address }) },
      })
  }

  /** The same as callers of the first API ask it: a GET with a body, which `fetch` does not send. */
  async authenticateByGet(login: string, password: string): Promise<string> {
    const body = JSON.stringify({ password })
    const headers = {
      authorization: `Bearer ${await this.#api.token('user:authn')}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    return await new Promise((resolve, reject) => {
      const url = `${this.#api.url}/user/authn/${encodeURIComponent(login)}`
      const asking = request(url, { method: 'GET', headers }, (answer) => {
        let text = `${answer.statusCode} `
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () => resolve(text))
      })
      asking.on('error', reject).end(body)
    })
  }

  async isInGroup(login: string, group: string): Promise<unknown> {
    const path = `/user/authz/${encodeURIComponent(login)}/${encodeURIComponent(group)}`
    const as = { subject: 'portal', scope: 'user:authn' }
    return (await this.people.as(as).get<unknown>(path)).body
  }

  async putUser(
    login: string,
    json: unknown = { email: `${login}@example.org`, name: login },
  ): Promise<Answer<PresentedUser & Problem>> {
    return await this.#asClerk('PUT', login, { json })
  }

  async postUser(
    login: string,
    json: unknown,
    ifMatch = '*',
  ): Promise<Answer<PresentedUser & Problem>> {
    const headers = ifMatch === '' ? {} : { 'if-match': ifMatch }
    return await this.#asClerk('POST', login, { json, headers })
  }

  async getUser(login: string): Promise<Answer<PresentedUser & Problem>> {
    return await this.#asClerk('GET', login)
  }

  async deleteUser(login: string): Promise<Answer<Problem>> {
    return await this.#asClerk('DELETE', login)
  }

  async #asClerk<T>(method: string, login: string, init: SendInit = {}): Promise<Answer<T>> {
    return await this.people
      .as({ subject: 'clerk', scope: 'user:read user:write' })
      .send<T>(method, `/user/${encodeURIComponent(login)}`, init)
  }
}
