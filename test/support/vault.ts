import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { startReceiver, type ReceivedRequest, type Receiver } from './receiver.ts'

type Version = { readonly fields: Readonly<Record<string, unknown>>; deletedAt: string }
type Answer = { readonly status: number; readonly body?: unknown }

const ROOT = 'root-token'
const NOTHING: Answer = { status: 404, body: { errors: [] } }

/**
 * A stand-in for a Vault or OpenBao that answers as their HTTP API is documented: key/value version 2
 * at `secret/`, AppRole, tokens with a time to live, sealing.
 */
export class TestVault {
  readonly #receiver: Receiver
  readonly #secrets = new Map<string, { versions: Version[]; updatedAt: string }>()
  readonly #tokens = new Map<string, { endsAtMs: number | undefined }>([
    [ROOT, { endsAtMs: undefined }],
  ])
  /** Given to tokens from now on; a renewal starts it anew. */
  ttlSeconds = 60
  isSealed = false
  nowMs = Date.now()

  private constructor(receiver: Receiver) {
    this.#receiver = receiver
    receiver.behave((response, request) => {
      send(response, this.#answer(request))
    })
  }

  static async start(): Promise<TestVault> {
    return new TestVault(await startReceiver())
  }

  get url(): string {
    return this.#receiver.url
  }

  /** A token that does not end. */
  get rootToken(): string {
    return ROOT
  }

  /** What was called so far, such as `GET secret/data/ldap`. */
  get calls(): string[] {
    return this.#receiver.requests.map(({ method, url }) => `${method} ${url.slice(4)}`)
  }

  get requests(): readonly ReceivedRequest[] {
    return this.#receiver.requests
  }

  put(name: string, fields: Readonly<Record<string, unknown>>): void {
    const known = this.#secrets.get(name)?.versions ?? []
    const updatedAt = new Date(this.nowMs).toISOString()
    this.#secrets.set(name, { versions: [...known, { fields, deletedAt: '' }], updatedAt })
  }

  /** As `vault kv delete`: the newest version is gone, the metadata stays. */
  softDelete(name: string): void {
    const newest = this.#secrets.get(name)?.versions.at(-1)
    if (newest) newest.deletedAt = new Date(this.nowMs).toISOString()
  }

  issueToken(): string {
    const token = `s.${randomUUID()}`
    this.#tokens.set(token, { endsAtMs: this.nowMs + this.ttlSeconds * 1_000 })
    return token
  }

  revokeAll(): void {
    for (const token of this.#tokens.keys()) if (token !== ROOT) this.#tokens.delete(token)
  }

  async close(): Promise<void> {
    await this.#receiver.close()
  }

  #answer({ method, url, headers, body }: ReceivedRequest): Answer {
    if (this.isSealed) return { status: 503, body: { errors: ['Vault is sealed'] } }
    const path = url.replace(/^\/v1\//, '')
    if (`${method} ${path}` === 'POST auth/approle/login') return this.#logIn(body)
    const token = String(headers['x-vault-token'])
    const held = this.#tokens.get(token)
    if (!held || (held.endsAtMs ?? Infinity) <= this.nowMs) {
      return { status: 403, body: { errors: ['permission denied'] } }
    }
    if (path.startsWith('auth/token/')) return this.#token(path, token)
    const [, part, name] = /^secret\/(data|metadata)\/([^/?]*)(?:\?list=true)?$/.exec(path) ?? []
    if (part === undefined || name === undefined) return NOTHING
    return part === 'data' ? this.#data(method, name, body) : this.#metadata(method, name)
  }

  #logIn(body: string): Answer {
    const { role_id: roleId, secret_id: secretId } = JSON.parse(body) as Record<string, unknown>
    if (roleId !== 'registrar' || secretId !== 'right-secret-id') {
      return { status: 400, body: { errors: ['invalid role or secret ID'] } }
    }
    const auth = { client_token: this.issueToken(), lease_duration: this.ttlSeconds }
    return { status: 200, body: { auth: { ...auth, renewable: true } } }
  }

  #token(path: string, token: string): Answer {
    const endsAtMs = this.#tokens.get(token)?.endsAtMs
    if (path === 'auth/token/lookup-self') {
      const ttl = endsAtMs === undefined ? 0 : (endsAtMs - this.nowMs) / 1_000
      return { status: 200, body: { data: { ttl, renewable: endsAtMs !== undefined } } }
    }
    this.#tokens.set(token, { endsAtMs: this.nowMs + this.ttlSeconds * 1_000 })
    const auth = { client_token: token, lease_duration: this.ttlSeconds, renewable: true }
    return { status: 200, body: { auth } }
  }

  #data(method: string, name: string, body: string): Answer {
    if (method === 'POST') {
      this.put(name, (JSON.parse(body) as { data: Record<string, unknown> }).data)
      return { status: 200, body: { data: { version: 1 } } }
    }
    const newest = this.#secrets.get(name)?.versions.at(-1)
    if (!newest) return NOTHING
    if (newest.deletedAt === '') return { status: 200, body: { data: { data: newest.fields } } }
    return { status: 404, body: { data: { data: null, metadata: {} } } }
  }

  #metadata(method: string, name: string): Answer {
    if (name === '') {
      const keys = [...this.#secrets.keys()]
      return keys.length === 0 ? NOTHING : { status: 200, body: { data: { keys } } }
    }
    if (method === 'DELETE') {
      this.#secrets.delete(name)
      return { status: 204 }
    }
    const secret = this.#secrets.get(name)
    if (!secret) return NOTHING
    const versions = secret.versions.map(
      ({ deletedAt }, index) =>
        [String(index + 1), { deletion_time: deletedAt, destroyed: false }] as const,
    )
    return {
      status: 200,
      body: {
        data: {
          updated_time: secret.updatedAt,
          current_version: versions.length,
          versions: Object.fromEntries(versions),
        },
      },
    }
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}
