import { randomUUID } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from 'jose'

export type SigningKey = { readonly privateKey: CryptoKey; readonly jwk: JWK }

export type TokenParts = {
  readonly claims?: JWTPayload
  /** Removed from the usual claims. */
  readonly without?: readonly string[]
  readonly header?: Readonly<Record<string, unknown>>
  readonly key?: SigningKey
}

/** An OpenID provider's discovery and JWKS, whose keys, health and pace a test decides. */
export class TokenIssuer {
  /** Served under `keys`; anything, so that malformed ones can be tried. */
  keys: unknown[] = []
  mode: 'answers' | 'fails' | 'stalls' | 'redirects' = 'answers'
  jwksFetches = 0
  readonly audience = 'registrar-test'
  readonly #server: Server
  readonly #open = new Set<ServerResponse>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<TokenIssuer> {
    const server = createServer()
    const issuer = new TokenIssuer(server)
    server.on('request', (request, response) => {
      issuer.#answer(request.url ?? '', response)
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return issuer
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo // it listens on TCP
    return `http://127.0.0.1:${port}`
  }

  /** A token as it should be, with the changes that a test asks for. */
  async sign(key: SigningKey, parts: TokenParts = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const claims: JWTPayload = {
      iss: this.url,
      aud: this.audience,
      sub: 'machine-1',
      scope: 'audit:read',
      iat: now,
      exp: now + 300,
      ...parts.claims,
    }
    for (const name of parts.without ?? []) delete claims[name]
    const { alg = '', kid = '' } = key.jwk
    return await new SignJWT(claims)
      .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...parts.header })
      .sign(key.privateKey, { crit: { 'urn:test': true } })
  }

  async close(): Promise<void> {
    for (const response of this.#open) response.destroy()
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  #answer(path: string, response: ServerResponse): void {
    if (path === '/jwks') this.jwksFetches += 1
    if (this.mode === 'stalls') {
      this.#open.add(response)
      return
    }
    if (this.mode === 'fails') {
      response.writeHead(500).end()
      return
    }
    if (this.mode === 'redirects') {
      response.writeHead(302, { location: `${this.url}/elsewhere` }).end()
      return
    }
    const document =
      path === '/.well-known/openid-configuration'
        ? { issuer: this.url, jwks_uri: `${this.url}/jwks` }
        : { keys: this.keys }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  }
}

/** A fresh key pair with its public JWK. */
export async function createSigningKey(alg = 'ES256', members: JWK = {}): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return { privateKey, jwk: { ...jwk, alg, kid: randomUUID(), use: 'sig', ...members } }
}
