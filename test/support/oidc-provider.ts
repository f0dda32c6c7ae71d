import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'

export type OidcProvider = {
  readonly issuer: string
  /** An access token for a machine client, by client credentials (RFC 6749 §4.4, RFC 8707). */
  readonly getAccessToken: (audience: string, scope: string) => Promise<string>
  readonly close: () => Promise<void>
}

const CLIENT = { id: 'machine-1', secret: 'machine-1-secret' }

/** Starts an OpenID provider that others wrote, with one machine client. */
export async function startOidcProvider(): Promise<OidcProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  const issuer = `http://127.0.0.1:${port}`
  const provider = await createProvider(issuer)
  const handle = provider.callback()
  server.on('request', (request, response) => void handle(request, response))
  return {
    issuer,
    getAccessToken: async (audience, scope) => await requestToken(issuer, { audience, scope }),
    async close() {
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
    },
  }
}

async function createProvider(issuer: string): Promise<Provider> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  return new Provider(issuer, {
    jwks: { keys: [{ ...jwk, kty: 'EC', kid: 'provider-1', alg: 'ES256', use: 'sig' }] },
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'audit:read upload:write',
          audience: resource,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
}

async function requestToken(
  issuer: string,
  { audience, scope }: { readonly audience: string; readonly scope: string },
): Promise<string> {
  const credentials = Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience, scope }),
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  return token
}
